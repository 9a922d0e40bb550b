import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import interval, ratings
from parivision_assets.core.calibration import SPREAD_EDGES, Calibration, sigmoid
from parivision_assets.core.interval import game_interval, game_intervals, shot_interval, shot_intervals
from parivision_assets.core.league import LeagueConfig

CONTEXTS = ("shooter", "teams")
BANDS = len(SPREAD_EDGES) + 1
UNMEASURED = Calibration.identity(CONTEXTS)
MEASURED = Calibration(
    CONTEXTS, (1.0,) * 4, (0.0,) * 4, ((0.1,) * BANDS, (0.2,) * BANDS, (0.05,) * BANDS, (0.21,) * BANDS)
)

logits = st.floats(-6, 6)
sets = st.integers(0, 3)
attempts = st.none() | st.floats(0, 20_000)
calibrations = st.sampled_from([UNMEASURED, MEASURED])


def width(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]


@settings(deadline=None)
@given(logits, sets, attempts, attempts, calibrations)
def test_one_answer_is_as_one_of_many(
    logit: float, number: int, shooter: float | None, cell: float | None, calibration: Calibration
) -> None:
    one = shot_interval(logit, number, shooter, cell, calibration)
    columns = [np.array([np.nan if value is None else value]) for value in (logit, shooter, cell)]
    low, high = shot_intervals(columns[0], np.array([number]), columns[1], columns[2], calibration)
    assert one == pytest.approx((low[0], high[0]), abs=1e-12)
    assert 0 <= one[0] < sigmoid(np.array([logit]))[0] < one[1] <= 1


@settings(deadline=None)
@given(logits, sets, st.none() | st.floats(0, 1), calibrations)
def test_one_game_is_as_one_of_many(logit: float, number: int, edge: float | None, calibration: Calibration) -> None:
    one = game_interval(logit, number, edge, calibration)
    edges = np.array([np.nan if edge is None else edge])
    low, high = game_intervals(np.array([logit]), np.array([number]), edges, calibration)
    assert one == pytest.approx((low[0], high[0]), abs=1e-12)
    assert one[0] < sigmoid(np.array([logit]))[0] < one[1]


@settings(deadline=None)
@given(logits, sets, st.floats(0, 5_000), st.floats(1, 5_000), calibrations)
def test_what_was_seen_more_often_is_known_better(
    logit: float, number: int, some: float, more: float, calibration: Calibration
) -> None:
    few, many = (shot_interval(logit, number, seen, 3_000.0, calibration) for seen in (some, some + more))
    assert width(many) < width(few)
    few, many = (shot_interval(logit, number, 300.0, seen, calibration) for seen in (some, some + more))
    assert width(many) < width(few)


@pytest.mark.parametrize("calibration", [UNMEASURED, MEASURED])
def test_what_is_withheld_widens_the_interval(calibration: Calibration) -> None:
    widths = [width(shot_interval(0.2, number, 400.0, 3_000.0, calibration)) for number in (0, 2, 1, 3)]
    assert widths[0] < min(widths[1:])
    assert widths[3] > max(widths[:3])


def test_a_team_nobody_knows_is_less_certain_than_any_other() -> None:
    assert width(game_interval(0.0, 0, None, UNMEASURED)) > width(game_interval(0.0, 0, 0.3, UNMEASURED))


def test_a_strength_edge_is_as_uncertain_as_its_ratings() -> None:
    start = ratings.MarginRatings.start(ratings.SEASON_RATINGS)
    variance = 2 * ratings.SEASON_RATINGS.start_variance
    expected = (variance / (variance + ratings.SEASON_RATINGS.noise_variance)) ** 0.5
    assert interval.strength_edge_sd(start, "ATL", "BOS") == pytest.approx(expected)
    with pytest.raises(KeyError):
        interval.strength_edge_sd(start, "ATL", "XYZ")


def test_spreads_are_measured_by_band_and_survive_a_file() -> None:
    rng = np.random.default_rng(7)
    logit = rng.uniform(-1.5, 1.5, 200_000)
    better = logit + rng.normal(0, np.where(logit > 1.0, 0.6, 0.2))
    found = UNMEASURED.with_spread(1, logit, better)
    assert found.spreads[0] == (0.0,) * BANDS
    assert found.spreads[1][:-1] == pytest.approx([0.2] * (BANDS - 1), abs=0.01)
    assert found.spreads[1][-1] == pytest.approx(0.6, abs=0.02)
    assert Calibration.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_band_without_rows_takes_the_spread_of_all() -> None:
    found = UNMEASURED.with_spread(1, np.zeros(500), np.full(500, 0.3))
    assert found.spreads[1][-1] == pytest.approx(found.spreads[1][3])


def test_calibrations_written_before_spreads_are_read() -> None:
    older = {name: value for name, value in MEASURED.to_dict().items() if name != "spreads"}
    assert Calibration.from_dict(older).spreads == ()


def coverage_benchmark() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "interval_coverage.py"
    spec = importlib.util.spec_from_file_location("interval_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_intervals_hold_the_truth_of_a_small_league_as_often_as_they_say() -> None:
    benchmark = coverage_benchmark()
    config = LeagueConfig(5, 2022, 3, teams=12, games_per_team=30)
    for season in benchmark.answered(config):
        for item in benchmark.coverages(season):
            if item.n > 2_000:
                assert 0.75 < item.share < 0.98, item
        everything = next(iter(benchmark.coverages(season)))
        assert 0.80 < everything.share < 0.97, everything
