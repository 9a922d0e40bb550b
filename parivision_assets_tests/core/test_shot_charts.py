import numpy as np
import polars as pl

from parivision_assets.core.shot_charts import shot_charts

SHOTS = pl.DataFrame(
    {
        "season": [2024] * 4,
        "player_id": [1, 1, 2, 2],
        "team": ["ATL", "ATL", "BOS", "BOS"],
        "opponent": ["BOS", "BOS", "ATL", "ATL"],
        "bucket": ["rim", "rim", "rim", "corner_three"],
        "points_value": pl.Series([2, 2, 2, 3], dtype=pl.Int8),
        "is_made": [True, False, True, True],
    }
)


def test_charts_sum_attempts_makes_and_expectation_per_subject_and_place() -> None:
    charts = shot_charts(SHOTS, np.array([0.5, 0.6, 0.4, 0.3]))
    row = charts.filter((pl.col("kind") == "player") & (pl.col("subject") == "1")).row(0, named=True)
    assert (row["attempts"], row["makes"], row["points"]) == (2, 1, 2)
    assert row["expected_makes"] == 1.1
    assert row["expected_points"] == 2.2


def test_a_defence_is_charged_with_its_opponents_shots() -> None:
    charts = shot_charts(SHOTS, np.array([0.5, 0.6, 0.4, 0.3]))
    allowed = charts.filter((pl.col("kind") == "defence") & (pl.col("subject") == "ATL"))
    assert dict(zip(allowed["bucket"], allowed["points"], strict=True)) == {"rim": 2, "corner_three": 3}


def test_every_kind_counts_every_shot_once() -> None:
    charts = shot_charts(SHOTS, np.full(4, 0.5))
    assert charts.group_by("kind").agg(pl.col("attempts").sum())["attempts"].to_list() == [4, 4, 4]
