import polars as pl
import pytest

from parivision_assets.core.shots import clean_shots
from parivision_assets.core.tracking import attach_tracking, clean_tracking
from parivision_assets.sources.archives import parse_shots, parse_tracking
from parivision_assets_tests.core.shot_frames import game, numbered


def log_of(shots: pl.DataFrame) -> pl.DataFrame:
    """Return a published tracking log that agrees with canonical shots."""
    made = pl.col("is_made")
    rows = shots.select(
        GAME_ID="game_id",
        player_id="player_id",
        SHOT_NUMBER=pl.col("shot_number").rank("ordinal").over("game_id", "player_id").cast(pl.Int64),
        PERIOD=pl.col("quarter").cast(pl.Int64),
        PTS_TYPE=pl.col("points_value").cast(pl.Int64),
        SHOT_RESULT=pl.when(made).then(pl.lit("made")).otherwise(pl.lit("missed")),
        FGM=made.cast(pl.Int64),
        SHOT_DIST=pl.col("distance_ft").cast(pl.Float64),
        CLOSE_DEF_DIST=(pl.col("shot_number") % 10).cast(pl.Float64),
        SHOT_CLOCK=(pl.col("shot_number") % 25).cast(pl.Float64),
        DRIBBLES=(pl.col("shot_number") % 7).cast(pl.Int64),
        TOUCH_TIME=(pl.col("shot_number") % 5).cast(pl.Float64),
    )
    return numbered(rows, "shot_logs.csv")


@pytest.fixture(scope="module")
def shots() -> pl.DataFrame:
    return clean_shots(game()).valid


def edited(log: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    here = pl.col("source_row") == row
    return log.with_columns(
        pl.when(here).then(pl.lit(value, log.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def test_an_agreeing_log_is_attached_to_the_right_shots(shots):
    tracked = attach_tracking(shots, clean_tracking(log_of(shots).sample(fraction=1, shuffle=True, seed=1)))
    assert (tracked.report.joined, tracked.report.attached, tracked.report.made_agreement) == (120, 120, 1.0)
    assert tracked.shots.schema == shots.schema
    assert (tracked.shots["defender_distance_ft"] == shots["shot_number"] % 10).all()
    assert (tracked.shots["dribbles"] == shots["shot_number"] % 7).all()


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"SHOT_RESULT": "made", "FGM": 1}, "is_made"),
        ({"PERIOD": 9}, "quarter"),
        ({"PTS_TYPE": 3, "SHOT_DIST": 25.0}, "points_value"),
    ],
)
def test_a_row_that_disagrees_is_not_attached(shots, change, column):
    missed_two = shots.with_row_index("row", 1).filter(~pl.col("is_made") & (pl.col("points_value") == 2))["row"][0]
    tracked = attach_tracking(shots, clean_tracking(edited(log_of(shots), missed_two, **change)))
    assert tracked.report.attached == 119
    assert {name for name, count in tracked.report.disagreeing_by_column.items() if count} == {column}
    assert tracked.shots["dribbles"].null_count() == 1


def test_impossible_values_are_emptied_and_counted(shots):
    log = edited(log_of(shots), 3, TOUCH_TIME=-163.6)
    log = edited(edited(log, 4, SHOT_CLOCK=None), 5, CLOSE_DEF_DIST=400.0)
    tracked = attach_tracking(shots, clean_tracking(log))
    assert (tracked.report.negative_touch_times, tracked.report.empty_shot_clocks) == (1, 1)
    assert tracked.report.values_nulled == {
        "defender_distance_ft": 1, "shot_clock_s": 0, "dribbles": 0, "touch_time_s": 1,
    }  # fmt: skip
    assert tracked.report.attached == 120
    assert tracked.shots["touch_time_s"].min() == 0
    nulls = tracked.shots.select("touch_time_s", "shot_clock_s", "defender_distance_ft").null_count().row(0)
    assert nulls == (1, 1, 1)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"PTS_TYPE": 3, "SHOT_DIST": 20.6}, "a three must be from 21 ft or more"),
        ({"PTS_TYPE": 1}, "points type must be 2 or 3"),
        ({"SHOT_RESULT": "blocked"}, "result must be made or missed"),
        ({"FGM": 7}, "result must agree with FGM"),
        ({"SHOT_NUMBER": 0}, "SHOT_NUMBER must be positive"),
        ({"player_id": None}, "player_id must be positive"),
    ],
)
def test_contradictory_rows_are_quarantined(shots, change, rule):
    made = shots.with_row_index("row", 1).filter("is_made")["row"][0]
    cleaned = clean_tracking(edited(log_of(shots), made, **change))
    assert cleaned.quarantined.select("rule", "source_row").rows() == [(rule, made)]
    assert "shot_logs.csv row" in cleaned.quarantined["message"][0]


def test_repeated_shot_numbers_are_quarantined_together(shots):
    log = log_of(shots)
    cleaned = clean_tracking(numbered(pl.concat([log, log[[0]]]), "shot_logs.csv"))
    assert cleaned.quarantined["source_row"].to_list() == [1, 121]


def test_a_missing_column_is_named(shots):
    with pytest.raises(ValueError, match=r"tracking: missing column.*TOUCH_TIME"):
        clean_tracking(log_of(shots).drop("TOUCH_TIME"))


def test_an_empty_log_attaches_nothing(shots):
    tracked = attach_tracking(shots, clean_tracking(log_of(shots).clear()))
    assert (tracked.report.joined, tracked.report.made_agreement) == (0, None)
    assert tracked.shots.equals(shots)


@pytest.mark.real_data
def test_the_published_log_joins_2015(real_data):
    name = "NBA_2015_Shots.csv.zip"
    shots = clean_shots(parse_shots((real_data / "shots" / name).read_bytes(), name)).valid
    log = "shot_logs_2014-15.csv.zip"
    report = attach_tracking(
        shots, clean_tracking(parse_tracking((real_data / "tracking" / log).read_bytes(), log))
    ).report
    assert report.rows == 128_069
    assert (report.negative_touch_times, report.empty_shot_clocks) == (312, 5_567)
    assert report.quarantined_by_rule == {"a three must be from 21 ft or more": 237}
    assert (report.joined, report.made_agrees, report.attached) == (127_804, 127_344, 127_167)
    assert report.made_agreement == pytest.approx(0.9964, abs=1e-4)
