"""Replay: the recorded question, model and state give the very bits that were answered, whatever serves by now."""

import datetime as dt
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.questions import Answer, GameQuestion, GameSoFar, ShotEvent, ShotQuestion
from parivision_assets.serving.predictor import Predictor
from parivision_assets.serving.replay import game_question, replay, shot_question
from parivision_assets.stores.atomic import StoreDamagedError
from parivision_assets.stores.home import Home
from parivision_assets.stores.prediction_log import LogEntry, new_prediction_id
from parivision_assets.stores.receipts import PredictionAbsentError
from parivision_assets_tests.served_home import LINEAR, make_served, promote
from parivision_assets_tests.small_platform import SmallPlatform

EVENT = ShotEvent(22300001, dt.date(2023, 1, 5), 203, 3, 123)
SHOTS = [
    ShotQuestion(1.0, 12.0),
    ShotQuestion(-22.0, 3.0, player_id=203, team="ATL", opponent="BOS", quarter=3, clock_s=123, event=EVENT),
    ShotQuestion(0.3, 0.7, player_id=10**9, action_type="Dunk Shot", so_far=GameSoFar(40, 20, last_made=True)),
]
GAME = GameQuestion("ATL", "BOS", is_playoffs=True)


@pytest.fixture(scope="module")
def served(filled: SmallPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with champions of its own."""
    root = tmp_path_factory.mktemp("replayed") / "home"
    shutil.copytree(filled.settings.home, root)
    home = Home(filled.settings.model_copy(update={"home": root}))
    make_served(home)
    with closing(home.prediction_log):
        yield home


def logged(home: Home, question: ShotQuestion | GameQuestion, answer: Answer) -> str:
    kept = LogEntry(new_prediction_id(), "2024-01-05T00:00:00+00:00", answer, orjson.dumps(question).decode())
    home.prediction_log.append([kept]).result(60)
    return kept.prediction_id


def test_every_kind_of_answer_is_the_same_bit_for_bit(served: Home) -> None:
    predictor = Predictor.open(served)
    pairs = [*zip(SHOTS, predictor.shots(SHOTS), strict=True), (GAME, *predictor.games([GAME]))]
    for question, answer in pairs:
        again = replay(served, logged(served, question, answer))
        assert again.differences == ()
        assert again.recomputed.probability.hex() == answer.probability.hex()


def test_what_was_answered_in_a_batch_replays_by_itself(served: Home) -> None:
    answers = Predictor.open(served).shots(SHOTS * 100)
    for question, answer in zip(SHOTS, answers, strict=False):
        assert replay(served, logged(served, question, answer)).differences == ()


def test_an_answer_of_a_champion_that_was_replaced_replays(served: Home) -> None:
    before = logged(served, SHOTS[0], Predictor.open(served).shots(SHOTS[:1])[0])
    old = served.bundles.champion("shot_pre_release")
    promote(served, "shot_pre_release", replace(LINEAR, seed=7))
    assert replay(served, before).differences == ()
    assert old is not None
    assert replay(served, before).recomputed.model == old.digest


def test_an_answer_that_is_not_what_its_model_says_is_found_out(served: Home) -> None:
    answer = Predictor.open(served).shots(SHOTS[:1])[0]
    ulp = replace(answer, probability=float.fromhex(answer.probability.hex()) + 2**-54)
    forged = logged(served, SHOTS[0], ulp if ulp != answer else replace(answer, probability=0.5))
    assert replay(served, forged).differences == ("probability",)


def test_what_is_gone_damaged_or_unknown_is_said(served: Home, tmp_path: Path) -> None:
    shutil.copytree(served.root, tmp_path / "home")
    home = Home(served.settings.model_copy(update={"home": tmp_path / "home"}))
    answer = Predictor.open(home).shots(SHOTS[:1])[0]
    with closing(home.prediction_log):
        known = logged(home, SHOTS[0], answer)
        file = next((home.bundles.root / "bundles" / answer.state / "shots").glob("*.parquet"))
        file.write_bytes(file.read_bytes()[:-1] + b"\x00")
        with pytest.raises(StoreDamagedError, match="was changed after it was written"):
            replay(home, known)
        with pytest.raises(PredictionAbsentError):
            replay(home, "0" * 32)


@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        ShotQuestion,
        x_ft=st.floats(-30, 30), y_ft=st.floats(-5, 90), player_id=st.none() | st.integers(1, 10**9),
        so_far=st.none() | st.builds(GameSoFar, game_attempts=st.none() | st.integers(0, 300)),
        event=st.none() | st.just(EVENT), action_type=st.none() | st.text(max_size=40),
    )
)  # fmt: skip
def test_a_question_is_read_back_as_it_was_asked(question: ShotQuestion) -> None:
    assert shot_question(orjson.dumps(question).decode()) == question


@given(st.builds(GameQuestion, game_date=st.none() | st.dates(), home_team=st.none() | st.text(max_size=5)))
def test_a_question_about_a_game_is_read_back_as_it_was_asked(question: GameQuestion) -> None:
    assert game_question(orjson.dumps(question).decode()) == question
