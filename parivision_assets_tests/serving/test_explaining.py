import dataclasses
import datetime as dt
import math
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from parivision_assets.core import history
from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.game_target import GAME, GAME_LOGISTIC
from parivision_assets.core.offsets import TrackingOffset
from parivision_assets.core.questions import Answer, GameQuestion, ShotQuestion
from parivision_assets.core.shot_features import features_from_state, shot_features
from parivision_assets.core.targets import SHOT_TARGETS
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit
from parivision_assets.serving.explaining import contributions, league_rate, shot_contributions
from parivision_assets_tests.core.canonical_shots import season_shots
from parivision_assets_tests.model_platform import games

CONFIGS = {
    "xgboost": {"rounds": 30, "eta": 0.15, "max_depth": 3, "min_child_weight": 40, "max_bin": 64},
    "logistic_regression": {"hinges": 2, "c": 0.1},
    "random_forest": {"n_estimators": 6, "max_depth": 6, "min_samples_leaf": 60, "max_features": 0.5},
}
OFFSET = TrackingOffset((0.1, *(0.02,) * 15), (-0.2, *(0.01,) * 5), (2015,))
FULL = {
    "team": "ATL", "opponent": "BOS", "is_home": True, "player_id": 104, "quarter": 2, "clock_s": 300,
    "fg_margin_pts": 4,
}  # fmt: skip


@cache
def seasons() -> tuple[pl.DataFrame, history.State]:
    shots = season_shots(2015, games=40)
    totals = history.season_totals(shots)
    return shot_features(shots, totals, 2015), history.state(totals, dt.date(2015, 4, 1), 2015)


@cache
def model(family: str, target: str = "shot_post_event") -> TrainedModel:
    fitted = fit(SHOT_TARGETS[target], seasons()[0], TrainingConfig(family, CONFIGS[family], n_jobs=1))
    return dataclasses.replace(fitted, offset=OFFSET)


def answered(fitted: TrainedModel, question: ShotQuestion) -> Answer:
    asked = {
        name: value for name, value in dataclasses.asdict(question).items()
        if value is not None and name not in ("x_ft", "y_ft", "event", "so_far")
    }  # fmt: skip
    request = pl.DataFrame([{"spot_x_ft": question.x_ft, "spot_y_ft": question.y_ft, **asked}])
    row = features_from_state(request, seasons()[1])
    return answer_of(fitted, fitted.encoder.matrix(row), float(sigmoid(fitted.logit(row))[0]))


def answer_of(fitted: TrainedModel, row: npt.NDArray[np.float32], probability: float) -> Answer:
    return Answer(
        target=fitted.target, probability=probability, low=0.0, high=1.0, points_value=2, is_known=True, flags=(),
        model="", decision=1, state="", as_of=dt.date(2015, 3, 31), features=row.tobytes(),
    )  # fmt: skip


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_contributions_sum_to_the_probability(family: str) -> None:
    fitted, state = model(family), seasons()[1]
    question = ShotQuestion(3.0, 15.0, action_type="Jump Shot", defender_distance_ft=3.5, shot_clock_s=8.0, **FULL)
    answer = answered(fitted, question)
    found = contributions(fitted, state, question, answer)
    assert math.fsum(item.points for item in found) == pytest.approx(100 * answer.probability, abs=1e-9)
    assert found[0].points == pytest.approx(100 * league_rate(state))
    assert {item.input for item in found} == {
        "average", "place", "shooter", "shooter_there", "shooter_form", "offence", "defence", "home", "rest", "clock",
        "kind", "defender", "shot_clock",
    }  # fmt: skip
    assert [abs(item.points) for item in found[1:]] == sorted((abs(item.points) for item in found[1:]), reverse=True)


def test_what_was_withheld_contributes_nothing() -> None:
    fitted, state = model("xgboost"), seasons()[1]
    question = ShotQuestion(0.0, 24.5)
    answer = answered(fitted, question)
    found = shot_contributions(fitted, state, question, answer)
    assert [item.input for item in found] == ["average", "place"]
    assert found[1].words["en"] == "Where the shot is taken: 24 ft out, for two"
    assert sum(item.points for item in found) == pytest.approx(100 * answer.probability)


def test_a_better_shooter_is_told_so() -> None:
    fitted, state = model("xgboost"), seasons()[1]
    # Players of number 100 + 4 modulo 5 are the best of their league, 100 + 0 the worst.
    points = []
    for player in (104, 105):
        question = ShotQuestion(3.0, 15.0, **FULL | {"player_id": player})
        found = {
            item.input: item.points for item in shot_contributions(fitted, state, question, answered(fitted, question))
        }
        points.append(found["shooter"] + found["shooter_there"] + found["shooter_form"])
    assert points[0] > 3 > -3 > points[1]


def test_the_log_odds_of_one_input_alone_are_what_telling_it_changes() -> None:
    fitted, state = model("logistic_regression"), seasons()[1]
    question = ShotQuestion(3.0, 15.0, quarter=4, clock_s=2, fg_margin_pts=-1)
    answer = answered(fitted, question)
    found = {item.input: item.points for item in shot_contributions(fitted, state, question, answer)}
    without = answered(fitted, ShotQuestion(3.0, 15.0)).probability
    change = math.log(answer.probability / (1 - answer.probability)) - math.log(without / (1 - without))
    way = found["clock"] / (found["clock"] + found["place"])
    average = league_rate(state)
    whole = math.log(answer.probability / (1 - answer.probability)) - math.log(average / (1 - average))
    assert change == pytest.approx(way * whole, abs=1e-9)


def test_a_state_without_shots_has_a_usual_rate() -> None:
    assert league_rate(None) == 0.46
    assert np.isclose(league_rate(seasons()[1]), seasons()[0]["is_made"].mean(), atol=0.02)


def test_a_game_is_told_from_an_even_one() -> None:
    frame = games(2015)[0]
    fitted = fit(GAME, frame, dataclasses.replace(GAME_LOGISTIC, n_jobs=1))
    strong = frame.filter(pl.col("margin_z") > 1).head(1)
    answer = answer_of(fitted, fitted.encoder.matrix(strong), float(fitted.predict(strong)[0]))
    found = contributions(fitted, None, GameQuestion("ATL", "BOS"), answer)
    assert (found[0].input, found[0].points, found[1].input) == ("average", 50.0, "strength")
    assert found[1].words["fr"] == "La force des deux équipes"
    assert math.fsum(item.points for item in found) == pytest.approx(100 * answer.probability, abs=1e-9)
