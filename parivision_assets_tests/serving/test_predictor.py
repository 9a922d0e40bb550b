"""The predictor on a real home: the training row's own answer, what is flagged, refused, swapped and replayed."""

import dataclasses
import datetime as dt
import json
import math
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.calibration import sigmoid
from parivision_assets.core.contracts import SCHEDULE
from parivision_assets.core.families import BoosterPredictor
from parivision_assets.core.game_features import schedule_features
from parivision_assets.core.questions import Answer, GameQuestion, ShotEvent, ShotQuestion
from parivision_assets.core.shot_features import features_from_state
from parivision_assets.serving import shots as answering
from parivision_assets.serving.predictor import NotReadyError, Predictor, QuestionError, Snapshot, answer_again
from parivision_assets.serving.requests import FLAGS, shot_request
from parivision_assets.stores.atomic import StoreDamagedError
from parivision_assets.stores.bundled_models import bundle_model
from parivision_assets.stores.champions import bundle_files
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_state import SERVING_STATE
from parivision_assets_tests.served_home import LINEAR, crown, promote
from parivision_assets_tests.serving.conftest import asked

ROOT = Path(__file__).resolve().parents[2]
SPOT = ShotQuestion(5.0, 12.0)


@pytest.fixture(scope="module")
def predictor(served: Home) -> Predictor:
    found = Predictor.open(served)
    assert found.problem is None
    return found


def trained(home: Home, target: str) -> Any:
    champion = home.bundles.champion(target)
    assert champion is not None
    return bundle_model(home.bundles.read_bundle(champion.digest))


def test_shots_are_answered_as_the_trained_model_predicts(
    served: Home, predictor: Predictor, questions: list[ShotQuestion]
) -> None:
    state = predictor.snapshot.known_state()
    assert state.shots is not None
    answers = predictor.shots(questions)
    assert {answer.target for answer in answers} == {"shot_pre_release", "shot_post_event"}
    for target in ("shot_pre_release", "shot_post_event"):
        model = trained(served, target)
        assert isinstance(model.predictor, BoosterPredictor)
        own = [(q, a) for q, a in zip(questions, answers, strict=True) if a.target == target]
        requests = [shot_request(question, state, state.as_of).columns for question, _ in own]
        rows = features_from_state(answering.request_frame(requests), state.shots)
        expected = model.predict(rows)
        matrix = model.encoder.matrix(rows)
        for place, (question, answer) in enumerate(own):
            assert abs(answer.probability - expected[place]) <= 1e-6
            assert answer.features == matrix[place].astype("<f4").tobytes()
            assert answer.low < answer.probability < answer.high
            assert answer.expected_points == answer.probability * answer.points_value
            assert answer.points_value == question.points_value


def test_one_answer_is_the_same_bits_alone_and_among_others(
    predictor: Predictor, questions: list[ShotQuestion], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [predictor.shots([question])[0] for question in questions]
    monkeypatch.setattr(answering, "FRAMES_FROM", 1)
    assert predictor.shots(questions) == alone
    monkeypatch.setattr(answering, "FRAMES_FROM", 10**9)
    assert predictor.shots(questions) == alone


@pytest.mark.parametrize("family", ["logistic_regression", "random_forest"])
def test_other_families_answer_the_same_alone_and_among_others(
    own_home: Home, questions: list[ShotQuestion], monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    params = {"n_estimators": 8, "min_samples_leaf": 20} if family == "random_forest" else {}
    promote(own_home, "shot_pre_release", dataclasses.replace(LINEAR, family=family, params=params))
    predictor = Predictor.open(own_home)
    some = [dataclasses.replace(question, action_type=None) for question in questions[:40]]
    alone = [predictor.shots([question])[0] for question in some]
    monkeypatch.setattr(answering, "FRAMES_FROM", 1)
    assert predictor.shots(some) == alone


def test_games_are_answered_as_the_trained_model_predicts(served: Home, predictor: Predictor) -> None:
    state = predictor.snapshot.known_state()
    assert state.teams is not None
    played = sorted(team for team in state.teams.teams.teams if state.teams.has_played(team))
    assert len(played) == 4
    date = state.as_of + dt.timedelta(days=2)
    pairs = [(home, away) for home in played for away in played if home != away]
    for is_playoffs in (False, True):
        stage = "playoffs" if is_playoffs else "regular"
        season = state.teams.season_of(date)
        rows = [(season, date, f"{place:02}", stage, *pair) for place, pair in enumerate(pairs)]
        features = schedule_features(pl.DataFrame(rows, SCHEDULE.schema, orient="row"), state.teams.teams)
        model = trained(served, "game")
        expected, matrix = model.predict(features), model.encoder.matrix(features)
        answers = predictor.games([GameQuestion(*pair, date, is_playoffs) for pair in pairs])
        for place, answer in enumerate(answers):
            assert abs(answer.probability - expected[place]) <= 1e-6
            assert answer.features == matrix[place].astype("<f4").tobytes()
            assert answer.low < answer.probability < answer.high
            assert (answer.is_known, answer.points_value, answer.expected_points) == (True, None, None)
        assert predictor.games([GameQuestion(*pairs[3], date, is_playoffs)]) == [answers[3]]


def test_a_game_without_a_date_is_played_on_the_states_morning(predictor: Predictor) -> None:
    as_of = predictor.snapshot.as_of
    assert predictor.games([GameQuestion("BOS", "DEN")]) == predictor.games([GameQuestion("BOS", "DEN", as_of)])


def test_a_game_that_the_state_knows_is_refused(predictor: Predictor) -> None:
    state = predictor.snapshot.known_state()
    assert state.teams is not None
    with pytest.raises(QuestionError, match="must be after") as refused:
        predictor.games([GameQuestion("BOS", "DEN", state.teams.newest)])
    assert refused.value.field == "game_date"


def test_who_is_unknown_is_said(predictor: Predictor, shots: pl.DataFrame) -> None:
    question = asked(shots.row(0, named=True))
    (known,) = predictor.shots([question])
    assert (known.is_known, known.flags) == (True, ())
    (newcomer,) = predictor.shots([dataclasses.replace(question, player_id=987_654_321)])
    assert (newcomer.is_known, newcomer.flags) == (False, ("unknown_player",))
    assert newcomer.high - newcomer.low > known.high - known.low
    (nowhere,) = predictor.shots([dataclasses.replace(question, opponent="XYZ")])
    withheld = predictor.shots([dataclasses.replace(question, team=None, opponent=None, is_home=None)])
    assert nowhere == dataclasses.replace(withheld[0], flags=("unknown_team",))
    (strange,) = predictor.shots([dataclasses.replace(question, action_type="Bicycle Kick")])
    assert strange.flags == ("unseen_action",)
    (anonymous,) = predictor.shots([SPOT])
    assert (anonymous.is_known, anonymous.flags, anonymous.target) == (None, (), "shot_pre_release")
    (odd,) = predictor.games([GameQuestion("BOS", "XYZ")])
    (blank,) = predictor.games([GameQuestion(None, None)])
    assert odd == dataclasses.replace(blank, flags=("unknown_team",), is_known=False)
    assert blank.is_known is None
    flags = {flag for answer in (newcomer, nowhere, strange, odd) for flag in answer.flags}
    assert flags <= set(FLAGS)


def test_a_newcomer_gets_the_training_row_of_a_debut(predictor: Predictor, shots: pl.DataFrame) -> None:
    model = predictor.snapshot.champion("shot_pre_release")
    question = asked(shots.row(0, named=True), player_id=987_654_321, action_type=None)
    (answer,) = predictor.shots([question])
    row = np.frombuffer(answer.features, "<f4")
    names = model.trained.encoder.names
    assert row[names.index("shooter_attempts")] == 0
    assert math.isnan(row[names.index("shooter_rest_days")])


def test_a_position_that_is_not_given_is_the_players(predictor: Predictor, shots: pl.DataFrame) -> None:
    question = asked(shots.row(0, named=True))
    position = predictor.snapshot.known_state().positions[question.player_id or 0]
    assert position is not None
    told, untold = (dataclasses.replace(question, position_group=one) for one in (position, None))
    assert predictor.shots([told]) == predictor.shots([untold])


def test_an_events_date_counts_rest_and_is_flagged_when_late_or_far(predictor: Predictor, shots: pl.DataFrame) -> None:
    row = shots.sort("game_date").row(-1, named=True)
    as_of = row["game_date"] + dt.timedelta(days=1)
    snapshot = predictor.snapshot
    morning = Snapshot(snapshot.champions, dataclasses.replace(snapshot.known_state(), as_of=as_of))
    names = snapshot.champion("shot_post_event").trained.encoder.names
    rest, flags = [], []
    for days in (-1, 0, 3, 9):
        event = ShotEvent(1, as_of + dt.timedelta(days=days), row["player_id"], row["quarter"], row["clock_s"])
        (answer,) = answering.answer_shots(morning, [asked(row, event=event)])
        rest.append(float(np.frombuffer(answer.features, "<f4")[names.index("shooter_rest_days")]))
        flags.append(answer.flags)
    assert rest == [1, 1, 4, 10]
    assert flags == [("late_event",), (), (), ("stale_state",)]


def test_the_newest_known_date_is_the_models_or_the_states(own_home: Home) -> None:
    predictor = Predictor.open(own_home)
    as_of = predictor.snapshot.as_of
    assert as_of is not None
    assert predictor.shots([SPOT])[0].as_of == as_of - dt.timedelta(days=1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"x_ft": math.nan}, "x_ft"),
    ({"x_ft": -math.inf}, "x_ft"),
    ({"y_ft": math.inf}, "y_ft"),
    ({"x_ft": 25.1}, "x_ft"),
    ({"y_ft": -5.3}, "y_ft"),
    ({"y_ft": True}, "y_ft"),
    ({"x_ft": 0.0, "y_ft": 1.0, "points_value": 3}, "points_value"),
    ({"y_ft": 40.0, "points_value": 2}, "points_value"),
    ({"points_value": 4}, "points_value"),
    ({"clock_s": -1}, "clock_s"),
    ({"clock_s": 721}, "clock_s"),
    ({"quarter": 5, "clock_s": 301}, "clock_s"),
    ({"quarter": 0}, "quarter"),
    ({"quarter": 2.5}, "quarter"),
    ({"fg_margin_pts": 201}, "fg_margin_pts"),
    ({"position_group": "PG"}, "position_group"),
    ({"action_type": " "}, "action_type"),
    ({"action_type": "x" * 101}, "action_type"),
    ({"team": ""}, "team"),
    ({"team": "BOS", "opponent": "BOS"}, "opponent"),
    ({"player_id": -4}, "player_id"),
    ({"player_id": True}, "player_id"),
    ({"is_home": 1}, "is_home"),
    ({"defender_distance_ft": math.nan}, "defender_distance_ft"),
    ({"defender_distance_ft": -0.5}, "defender_distance_ft"),
    ({"shot_clock_s": 24.5}, "shot_clock_s"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
def test_a_shot_that_cannot_be_asked_about_is_refused(predictor: Predictor, change: dict[str, Any], field: str) -> None:
    question = dataclasses.replace(SPOT, **change)
    with pytest.raises(QuestionError) as refused:
        predictor.shots([SPOT, question])
    assert refused.value.field == field
    assert refused.value.rule
    assert refused.value.advice


def test_the_game_so_far_and_the_event_must_agree(predictor: Predictor, shots: pl.DataFrame) -> None:
    row = shots.row(5, named=True)
    question = asked(row)
    assert question.so_far is not None
    as_of = predictor.snapshot.as_of
    assert as_of is not None
    event = ShotEvent(1, as_of, row["player_id"], row["quarter"], row["clock_s"])
    for changes, field in (
        ({"so_far": dataclasses.replace(question.so_far, own_makes=9, own_attempts=2)}, "so_far.own_makes"),
        ({"so_far": dataclasses.replace(question.so_far, last_since_s=-1)}, "so_far.last_since_s"),
        ({"so_far": dataclasses.replace(question.so_far, last_distance_ft=math.nan)}, "so_far.last_distance_ft"),
        ({"so_far": dataclasses.replace(question.so_far, last_made="yes")}, "so_far.last_made"),
        ({"event": dataclasses.replace(event, player_id=event.player_id + 1)}, "event.player_id"),
        ({"event": dataclasses.replace(event, game_id=0)}, "event.game_id"),
        ({"event": dataclasses.replace(event, game_date="2023-01-01")}, "event.game_date"),
    ):
        with pytest.raises(QuestionError) as refused:
            predictor.shots([dataclasses.replace(question, **changes)])
        assert refused.value.field == field


def test_an_event_that_is_to_be_scored_is_near_the_states_date(predictor: Predictor) -> None:
    as_of = predictor.snapshot.as_of
    assert as_of is not None
    for date, is_near in (
        (as_of + dt.timedelta(days=400), True),
        (as_of - dt.timedelta(days=400), True),
        (as_of + dt.timedelta(days=401), False),
        (as_of - dt.timedelta(days=401), False),
        (dt.date.max, False),
        (dt.date.min, False),
    ):
        shot = dataclasses.replace(SPOT, event=ShotEvent(1, date, 7, 1, 0))
        game = GameQuestion("BOS", "DEN", date, game_key=f"{date}_DEN_BOS")
        if is_near:
            assert predictor.shots([shot])
            continue
        with pytest.raises(QuestionError, match=f"must be within 400 days of {as_of}") as refused:
            predictor.shots([SPOT, shot])
        assert (refused.value.field, refused.value.place) == ("event.game_date", 1)
        with pytest.raises(QuestionError, match="must be within 400 days"):
            predictor.games([game])
    # A question that is never scored may be about any day to come.
    assert predictor.games([GameQuestion("BOS", "DEN", as_of + dt.timedelta(days=401))])


def test_every_valid_shot_of_a_season_may_be_asked_about(predictor: Predictor, shots: pl.DataFrame) -> None:
    answers = predictor.shots([asked(row) for row in shots.iter_rows(named=True)])
    assert len(answers) == len(shots)


def test_a_game_between_one_team_is_refused(predictor: Predictor) -> None:
    with pytest.raises(QuestionError, match="two different teams"):
        predictor.games([GameQuestion("BOS", "BOS")])
    with pytest.raises(QuestionError, match="must be a date"):
        predictor.games([GameQuestion("BOS", "DEN", "2023-01-01")])  # type: ignore[arg-type]


def test_an_empty_home_is_not_ready_and_becomes_so(tmp_path: Path, served: Home) -> None:
    home = Home(served.settings.model_copy(update={"home": tmp_path / "home"}))
    predictor = Predictor.open(home)
    with pytest.raises(NotReadyError, match="no champion of shot_pre_release"):
        predictor.shots([SPOT])
    with pytest.raises(NotReadyError, match="no champion of game"):
        predictor.games([GameQuestion("BOS", "DEN")])
    shutil.copytree(served.root / "bundles", tmp_path / "home" / "bundles")
    state = tmp_path / "home" / "bundles" / "assets" / f"{SERVING_STATE}.json"
    kept = state.read_bytes()
    state.unlink()
    assert predictor.refresh()
    with pytest.raises(NotReadyError, match="no serving state"):
        predictor.shots([SPOT])
    state.write_bytes(kept)
    assert predictor.refresh()
    assert predictor.shots([SPOT])
    assert not predictor.refresh()


def test_a_damaged_bundle_is_not_served_and_the_one_before_goes_on(own_home: Home) -> None:
    predictor = Predictor.open(own_home)
    (before,) = predictor.shots([SPOT])
    digest = promote(own_home, "shot_pre_release", LINEAR)
    file = own_home.bundles.root / "bundles" / digest / "model" / "coefficients.json"
    whole = file.read_bytes()
    file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert not predictor.refresh()
    assert predictor.problem is not None
    assert "the champion of shot_pre_release cannot be served, the one before it goes on" in predictor.problem
    assert "was changed after it was written" in predictor.problem
    assert predictor.shots([SPOT]) == [before]
    file.write_bytes(whole)
    assert predictor.refresh()
    assert predictor.problem is None
    assert predictor.shots([SPOT])[0].model == digest


def test_a_bundle_or_state_of_a_newer_format_is_not_served(own_home: Home) -> None:
    predictor = Predictor.open(own_home)
    (before,) = predictor.shots([SPOT])
    model = trained(own_home, "shot_pre_release")
    metadata = {"target": "shot_pre_release", "trained_until": "2023-01-01"}
    for change, words in (
        ({"format": 2}, "format 2, this version reads 1"),
        ({"family": "transformer"}, "transformer"),
        ({"features": [{"name": "heart_rate", "context": "location", "also_needs": []}]}, "heart_rate"),
        ({"target": "game"}, "holds a model of game"),
    ):
        files = bundle_files(model.to_files(), [])
        content = json.loads(files["model/model.json"])
        if "features" in change:
            names = [feature["name"] for feature in content["features"]]
            change = {"features": [*content["features"][:-1], *change["features"]]}  # noqa: PLW2901
            assert names[-1] not in str(change["features"][-1])
        files["model/model.json"] = json.dumps({**content, **change}).encode()
        crown(own_home, "shot_pre_release", own_home.bundles.write_bundle(files, metadata).digest)
        assert not predictor.refresh()
        assert words in str(predictor.problem)
    crown(own_home, "shot_pre_release", before.model)
    state = own_home.bundles.read_bundle(before.state)
    newer = own_home.bundles.write_bundle(state.files, {**state.metadata, "format": 99})
    own_home.bundles.set_asset(SERVING_STATE, newer.digest)
    predictor.refresh()
    assert "the serving state cannot be served" in str(predictor.problem)
    assert "format 99" in str(predictor.problem)
    (after,) = predictor.shots([SPOT])
    assert dataclasses.replace(after, decision=before.decision) == before


def test_answers_of_concurrent_callers_never_mix_versions(own_home: Home, questions: list[ShotQuestion]) -> None:
    predictor = Predictor.open(own_home)
    some = [dataclasses.replace(question, action_type=None) for question in questions[:6]]
    first = own_home.bundles.champion("shot_pre_release")
    assert first is not None
    second = promote(own_home, "shot_pre_release", LINEAR)
    crown(own_home, "shot_pre_release", first.digest)
    expected = {}
    for digest in (first.digest, second):
        crown(own_home, "shot_pre_release", digest)
        predictor.refresh()
        expected[digest] = [answer.probability for answer in predictor.shots(some)]
    assert expected[first.digest] != expected[second]
    stop, wrong, seen = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            answers = predictor.shots(some)
            models = {answer.model for answer in answers}
            seen.update(models)
            if len(models) != 1 or [answer.probability for answer in answers] != expected[answers[0].model]:
                wrong.append(answers)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(12):
        crown(own_home, "shot_pre_release", (first.digest, second)[number % 2])
        predictor.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert seen == {first.digest, second}


def test_a_recorded_answer_is_given_again_after_a_promotion(own_home: Home, questions: list[ShotQuestion]) -> None:
    predictor = Predictor.open(own_home)
    recorded: list[tuple[Any, Answer]] = [(question, predictor.shots([question])[0]) for question in questions[:4]]
    game = GameQuestion("BOS", "DEN")
    recorded.append((game, predictor.games([game])[0]))
    for target in ("shot_pre_release", "shot_post_event", "game"):
        promote(own_home, target, LINEAR)
    assert predictor.refresh()
    for question, answer in recorded:
        assert answer_again(own_home, question, answer) == answer
        points = [part.points for part in predictor.explain(question, answer)]
        assert sum(points) == pytest.approx(100 * answer.probability, abs=1e-6)
    file = own_home.bundles.root / "bundles" / recorded[0][1].state / "season.json"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(StoreDamagedError):
        answer_again(own_home, *recorded[0])


def test_a_probability_is_that_of_its_log_odds() -> None:
    logit = np.linspace(-9, 9, 1001)
    from parivision_assets.serving.models import chance_of

    assert [chance_of(float(one)) for one in logit] == sigmoid(logit).tolist()


def test_opening_a_predictor_imports_nothing_heavy_and_stays_small(served: Home) -> None:
    program = """
import sys
from pathlib import Path
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets.serving.predictor import Predictor
from parivision_assets.core.questions import GameQuestion, ShotQuestion
predictor = Predictor.open(Home(Settings(home=Path(sys.argv[1]))))
predictor.shots([ShotQuestion(1.0, 2.0)] * 150)
predictor.games([GameQuestion("BOS", "DEN")])
heavy = {"pandas", "scipy", "sklearn", "mlflow", "dagster", "xgboost", "pyarrow", "matplotlib", "fastapi"}
print(sorted(heavy & set(sys.modules)))
print(next((int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")), 0))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(served.root)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy, resident_kib = done.stdout.splitlines()
    assert heavy == "[]"
    assert int(resident_kib) < 300 * 1024
