from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import coordinates
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, SensorFault, generate
from parivision_assets.core.shots import clean_shots
from parivision_assets_tests.core.shot_frames import changed, converted_twice, game, numbered


def verdict(frame: pl.DataFrame) -> str:
    repairs = coordinates.choose_repairs(frame)["repair"].unique().to_list()
    assert len(repairs) == 1
    return str(repairs[0])


def mirrored(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(LOC_X=-pl.col("LOC_X"))


@pytest.mark.parametrize(
    ("frame", "repair"),
    [
        (game(), "mirror_undone"),
        (mirrored(game()), "none"),
        (converted_twice(game()), "double_conversion_undone"),
        (mirrored(converted_twice(game())), "double_conversion_and_mirror_undone"),
    ],
)
def test_each_published_convention_is_recognised_and_leads_to_the_same_shots(frame, repair):
    assert verdict(frame) == repair
    truth = clean_shots(game()).valid.drop("coordinate_repair")
    repaired = clean_shots(frame).valid.drop("coordinate_repair")
    for column in ("x_ft", "y_ft", "distance_ft", "angle_deg"):
        assert (truth[column] - repaired[column]).abs().max() < 0.01
    assert truth["is_made"].to_list() == repaired["is_made"].to_list()


def test_evidence_fails_without_the_repair_and_holds_after_it():
    for frame in (game(), converted_twice(game())):
        assert not coordinates.coordinate_evidence(coordinates.as_published(frame)).is_sound
        assert coordinates.coordinate_evidence(clean_shots(frame).valid).is_sound
    published = coordinates.coordinate_evidence(coordinates.as_published(converted_twice(game())))
    assert published.distance_share < 0.4


def test_the_season_column_has_no_say():
    as_2021 = converted_twice(game()).with_columns(SEASON_1=pl.lit(2004, pl.Int64))
    assert verdict(as_2021) == "double_conversion_undone"
    assert verdict(game().with_columns(SEASON_1=pl.lit(2021, pl.Int64))) == "mirror_undone"


def test_only_the_broken_games_of_a_file_are_repaired():
    games = [game(game_id=21_000_001 + n) for n in range(6)]
    frame = numbered(pl.concat([*games[:3], *map(converted_twice, games[3:])]))
    cleaned = clean_shots(frame)
    assert cleaned.report.games_by_repair == {"double_conversion_undone": 3, "mirror_undone": 3}
    assert cleaned.quarantined.is_empty()
    assert cleaned.report.evidence_repaired.is_sound


def test_games_mirrored_against_their_file_are_quarantined():
    games = [game(game_id=21_000_001 + n) for n in range(5)]
    cleaned = clean_shots(numbered(pl.concat([*games[:3], *map(mirrored, games[3:])])))
    assert cleaned.report.games_by_repair == {"mirror_undone": 3, "unproven": 2}
    assert set(cleaned.valid["game_id"]) == {21_000_001, 21_000_002, 21_000_003}
    assert cleaned.quarantined.height == 240


@pytest.mark.parametrize("fault", list(SensorFault))
def test_a_broken_sensor_in_the_synthetic_league_is_stopped_from_its_day_on(fault):
    start = date(2021, 11, 15)
    config = LeagueConfig.small(seasons=1, scenario=Scenario(ScenarioKind.BROKEN_SENSOR, start, fault))
    (season,) = generate(config).shots.values()
    broken_rows = season.filter(pl.col("GAME_DATE").str.to_date("%m-%d-%Y") >= start).height
    assert 0 < broken_rows < season.height / 2
    cleaned = clean_shots(numbered(season))
    assert cleaned.valid["game_date"].max() < start
    assert (cleaned.valid.height, cleaned.quarantined.height) == (season.height - broken_rows, broken_rows)


def half(frame: pl.DataFrame, change) -> pl.DataFrame:
    return numbered(pl.concat([change(frame[: len(frame) // 2]), frame[len(frame) // 2 :]]))


def frozen(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(LOC_X=pl.lit(3.1), LOC_Y=pl.lit(14.2))


def stuck(frame: pl.DataFrame) -> pl.DataFrame:
    """A sensor that is frozen together with everything that is computed from it."""
    return frozen(frame).with_columns(
        SHOT_DISTANCE=pl.lit(9, pl.Int64), ZONE_NAME=pl.lit("Left Side Center"), SHOT_TYPE=pl.lit("2PT Field Goal")
    )


@pytest.mark.parametrize(
    "broken",
    [
        half(game(), converted_twice),
        half(game(), mirrored),
        frozen(game()),
        half(game(), frozen),
        stuck(game()),
        game().with_columns(LOC_X=pl.col("LOC_X").shuffle(seed=1)),
        game().with_columns(ZONE_NAME=pl.lit("Center")),
        game().with_columns(LOC_X=pl.lit(None, pl.Float64)),
    ],
    ids=["half converted", "half mirrored", "frozen", "half frozen", "stuck", "shuffled", "no sides", "no x"],
)
def test_a_broken_sensor_is_quarantined_and_never_repaired(broken):
    assert verdict(broken) == coordinates.UNPROVEN
    cleaned = clean_shots(broken)
    assert cleaned.valid.is_empty()
    assert cleaned.quarantined.height == broken.height


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 20).filter(lambda f: min(abs(f - 1), abs(f - 0.1) * 10) > 0.06))
def test_an_arbitrary_scale_is_never_taken_for_a_repair(factor):
    y = (pl.col("LOC_Y") - 5.25) * factor + 5.25
    scaled = game().with_columns(LOC_X=pl.col("LOC_X") * factor, LOC_Y=y)
    assert verdict(scaled) == coordinates.UNPROVEN


def test_a_scale_too_small_for_single_rows_shows_in_their_slope():
    y = (pl.col("LOC_Y") - 5.25) * 0.96 + 5.25
    scaled = game(rows=400).with_columns(LOC_X=pl.col("LOC_X") * 0.96, LOC_Y=y)
    assert coordinates.coordinate_evidence(coordinates.as_published(scaled)).distance_share > 0.99
    assert verdict(scaled) == coordinates.UNPROVEN


@settings(max_examples=15, deadline=None)
@given(st.floats(1.08, 20) | st.floats(-20, 0.92).filter(lambda f: abs(f) > 0.01 and abs(abs(f) - 0.1) > 0.01))
def test_one_stretched_axis_is_never_taken_for_a_repair(factor):
    if abs(factor + 1) > 0.08:
        assert verdict(game().with_columns(LOC_X=pl.col("LOC_X") * factor)) == coordinates.UNPROVEN


def test_a_single_row_that_disagrees_is_quarantined_alone():
    two = game().filter(pl.col("SHOT_DISTANCE").is_between(10, 18))["source_row"][0]
    left = game().filter(pl.col("ZONE_NAME") == "Left Side")["source_row"][0]
    frame = changed(changed(game(), two, SHOT_DISTANCE=3), left, ZONE_NAME="Right Side")
    cleaned = clean_shots(frame)
    found = dict(zip(cleaned.quarantined["source_row"], cleaned.quarantined["rule"], strict=True))
    assert found == {
        two: "coordinates must agree with SHOT_DISTANCE within 1 ft",
        left: "coordinates must lie on the labelled side",
    }


def test_games_with_few_rows_are_judged_with_their_file():
    tiny = [game(rows=3, game_id=21_000_001 + n, first=3 * n) for n in range(30)]
    assert clean_shots(numbered(pl.concat(tiny))).report.repairs == {"mirror_undone": 90}


def test_zero_has_one_sign():
    cleaned = clean_shots(game()).valid
    on_axis = cleaned.filter(pl.col("x_ft") == 0)["x_ft"]
    assert on_axis.len() > 0
    assert all(str(value) == "0.0" for value in on_axis)
