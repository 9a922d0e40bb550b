import numpy as np
import polars as pl
import pytest

from parivision_assets.core.leaks import SUMMARY_SCHEMA, TABLE_SCHEMA, leak_summary, leak_table
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources.archives import parse_shots


def season(year: int, *, telling: float = 0.0, rows: int = 30_000) -> pl.DataFrame:
    """Return canonical columns in which an action type repeats the outcome for a share `telling` of the shots."""
    random = np.random.default_rng(year)
    x, y = random.uniform(-20, 20, rows).round(1), random.uniform(-4, 24, rows).round(1)
    made = random.random(rows) < 0.65 - 0.012 * np.hypot(x, y)
    told = random.random(rows) < telling
    action = np.where(told, np.where(made, "Pullup", "Plain"), random.choice(["Pullup", "Plain", "Bank"], rows))
    distance = pl.Series(np.hypot(x, y))
    words = {"zone": "Mid-Range", "side": "Center", "range_band": "8-16 ft.", "coordinate_repair": "none"}
    return pl.DataFrame(
        {
            "season": [year] * rows, "game_id": random.integers(1, 400, rows), "is_made": made, "x_ft": x, "y_ft": y,
            "spot_x_ft": x, "spot_y_ft": y, "distance_ft": distance, "angle_deg": np.degrees(np.arctan2(x, y)),
            "points_value": np.where(distance > 23.75, 3, 2), "recorded_distance_ft": distance.floor().cast(pl.Int16),
            "clock_s": random.integers(0, 720, rows), "quarter": random.integers(1, 5, rows),
            "is_home": random.random(rows) < 0.5, "position_group": random.choice(["G", "F", "C"], rows),
            "dribbles": [None] * rows, "action_type": action, **{name: [word] * rows for name, word in words.items()},
        }
    )  # fmt: skip


def leaks(*seasons: pl.DataFrame) -> set[tuple[str, int]]:
    table = leak_table([leak_summary(shots) for shots in seasons])
    return set(table.filter("is_leak").select("column", "season").rows())


def test_clean_seasons_have_no_leaks():
    assert leaks(*(season(year) for year in (2001, 2002, 2003))) == set()


def test_a_column_that_tells_the_outcome_in_one_season_is_found():
    found = leaks(season(2001), season(2002, telling=0.2), season(2003))
    assert found == {("action_type", 2002)}


def test_a_column_that_is_missing_where_shots_missed_is_found():
    shots = season(2002).with_columns(position_group=pl.when(pl.col("is_made")).then(pl.col("position_group")))
    assert ("position_group", 2002) in leaks(season(2001), shots)


def test_several_leaking_seasons_do_not_hide_each_other():
    told = [season(year, telling=0.2) for year in (2001, 2002, 2003, 2004)]
    assert leaks(*told, season(2005)) == {("action_type", year) for year in (2001, 2002, 2003, 2004)}


def test_a_gross_leak_needs_no_neighbour():
    (found,) = leaks(season(2001, telling=0.8))
    assert found == ("action_type", 2001)
    assert leaks(season(2001, telling=0.2)) == set()


def test_a_significant_gain_too_small_to_matter_is_no_leak():
    little = leak_summary(season(2002, telling=0.06, rows=120_000)).filter(pl.col("column") == "action_type")
    assert little["gain_nats"].item() > 4 * little["se_nats"].item()
    assert leaks(season(2001, rows=120_000), season(2002, telling=0.06, rows=120_000)) == set()


def test_a_short_season_is_no_reference():
    assert leaks(season(2001, telling=0.2), season(2002, rows=3_000)) == set()


def test_the_table_shows_the_neighbours_in_time():
    summaries = [leak_summary(season(year)) for year in (2003, 2001, 2002)]
    table = leak_table(summaries)
    assert table.schema == TABLE_SCHEMA
    action = table.filter(pl.col("column") == "action_type")
    assert action["season"].to_list() == [2001, 2002, 2003]
    gains = action["gain_nats"].to_list()
    assert action["before_nats"].to_list() == [None, *gains[:2]]
    assert action["after_nats"].to_list() == [*gains[1:], None]
    assert action["reference_nats"].to_list() == [min(gains[1:]), min(gains[0], gains[2]), min(gains[:2])]


def test_a_constant_column_says_nothing():
    summary = leak_summary(season(2001)).filter(pl.col("column").is_in(["zone", "has_tracking"]))
    assert summary["gain_nats"].abs().max() < 1e-4


def test_nothing_gives_empty_tables():
    assert leak_summary(season(2001).clear()).schema == SUMMARY_SCHEMA
    assert leak_table([]).schema == TABLE_SCHEMA


def test_the_same_shots_give_the_same_bytes_in_any_order():
    shots = season(2001, rows=5_000)
    assert leak_summary(shots).equals(leak_summary(shots.sample(fraction=1, shuffle=True, seed=2)))


@pytest.mark.real_data
def test_published_seasons_leak_where_they_do_and_nowhere_else(real_data):
    summaries = []
    for year in (2014, 2016, 2018, 2021):
        name = f"NBA_{year}_Shots.csv.zip"
        shots = clean_shots(parse_shots((real_data / "shots" / name).read_bytes(), name)).valid
        summaries.append(leak_summary(shots))
    table = leak_table(summaries).filter("is_leak")
    assert set(table.select("column", "season").rows()) == {
        ("action_type", 2014), ("action_type", 2016), ("rim_spot", 2016), ("x_decimal", 2016), ("y_decimal", 2016),
    }  # fmt: skip
