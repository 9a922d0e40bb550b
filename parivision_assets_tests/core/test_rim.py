import polars as pl
import pytest

from parivision_assets.core import rim
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources.archives import parse_shots
from parivision_assets_tests.core.shot_frames import game, numbered


def season(default_rows: int, default_makes: int, other_rows: int = 900, other_makes: int = 540) -> pl.DataFrame:
    """Return canonical columns: a pile on one spot at the rim, other shots around it, and as many far shots."""
    pile = [(0.0, 0.1, n < default_makes) for n in range(default_rows)]
    around = [
        (-1.5 + n % 31 / 10, n // 31 % 30 / 10, n % 10 < 10 * other_makes / other_rows) for n in range(other_rows)
    ]
    far = [(10.0, 0.1 * (n % 40), n % 2 == 0) for n in range(other_rows)]
    frame = pl.DataFrame(pile + around + far, schema=["x_ft", "y_ft", "is_made"], orient="row")
    x, y = pl.col("x_ft"), pl.col("y_ft")
    return frame.with_columns(
        season=pl.lit(2016), distance_ft=(x**2 + y**2).sqrt(), angle_deg=pl.arctan2("x_ft", "y_ft").degrees()
    )


def known(frame: pl.DataFrame) -> pl.DataFrame:
    return rim.with_known_spots(frame, rim.default_spots(frame))


def test_a_neutral_pile_is_excluded_and_its_neighbours_kept():
    frame = known(season(100, 61))
    counts = dict(frame["rim_rule"].value_counts().iter_rows())
    assert counts["default_spot_excluded"] == frame.filter((pl.col("x_ft") == 0) & (pl.col("y_ft") == 0.1)).height
    assert set(counts) == {"kept", "default_spot_excluded"}


def test_a_pile_that_tells_the_outcome_takes_the_whole_rim_with_it():
    frame = known(season(100, 95))
    (spot,) = rim.default_spots(frame)
    assert spot.leaks
    assert spot.neighbours_make_rate == pytest.approx(0.6, abs=0.01)
    assert frame.filter(pl.col("is_at_rim"))["rim_rule"].unique().to_list() == ["leaking_rim_excluded"]
    assert frame.filter(~pl.col("is_at_rim"))["rim_rule"].unique().to_list() == ["kept"]


def test_made_and_missed_shots_at_a_leaking_rim_look_alike():
    frame = known(season(100, 95)).filter("is_at_rim")
    features = frame.select("is_at_rim", "^spot_.*$").unique()
    assert features.height == 1
    assert features.drop("is_at_rim").row(0) == (None, None, None, None)


def test_kept_spots_are_the_recorded_ones():
    frame = known(season(100, 61)).filter(pl.col("rim_rule") == "kept")
    for name in ("x_ft", "y_ft", "distance_ft", "angle_deg"):
        assert frame[f"spot_{name}"].equals(frame[name], check_names=False)


@pytest.mark.parametrize(("rows", "makes"), [(0, 0), (20, 20), (24, 24)])
def test_too_few_shots_on_a_spot_are_no_default(rows, makes):
    assert rim.default_spots(season(rows, makes)) == []


def test_seasons_are_judged_apart():
    clean = season(100, 61).with_columns(season=pl.lit(2018), y_ft=pl.col("y_ft") - 0.7)
    both = known(pl.concat([season(100, 95), clean]))
    rules = both.filter("is_at_rim").group_by("season").agg(pl.col("rim_rule").unique().sort()).sort("season")
    assert rules["rim_rule"].to_list() == [["leaking_rim_excluded"], ["default_spot_excluded", "kept"]]
    other_spot = (pl.col("season") == 2018) & (pl.col("x_ft") == 0) & ((pl.col("y_ft") - 0.1).abs() < 0.01)
    assert both.filter(other_spot)["rim_rule"].unique().to_list() == ["kept"]


def test_a_game_without_shots_at_the_rim_has_no_default():
    far = numbered(game().filter(pl.col("SHOT_DISTANCE") > 5))
    assert clean_shots(far).report.rim_rules == {"kept": far.height}


@pytest.mark.real_data
def test_2016_tells_the_outcome_at_the_rim(real_data):
    name = "NBA_2016_Shots.csv.zip"
    report = clean_shots(parse_shots((real_data / "shots" / name).read_bytes(), name)).report
    (spot,) = report.default_spots
    assert (spot.x_ft, spot.y_ft, spot.rows, spot.leaks) == (0.0, 0.1, 9727, True)
    assert spot.make_rate == pytest.approx(0.912, abs=0.001)
    assert spot.neighbours_make_rate == pytest.approx(0.550, abs=0.001)
    assert report.rim_rules == {"kept": 140_450, "leaking_rim_excluded": 67_443}
