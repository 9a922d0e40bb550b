"""Predictions over HTTP: what is answered, what is recorded of it, and what is refused with which words."""

import json
from datetime import timedelta

import httpx
import orjson
import pytest
from starlette.testclient import TestClient

from app.api import create_app
from app.api.original import ORIGINAL_EXAMPLE
from app.api.requests import SHOT_EXAMPLE
from parivision_assets.core.questions import ShotQuestion
from parivision_assets.settings import Settings
from parivision_assets.stores.platform_date import today
from parivision_assets_tests.app.api.server import Server

SPOT = {"x_ft": 0, "y_ft": 15}
JSON = {"content-type": "application/json"}
EVENT = {"game_id": 22_200_001, "game_date": "2022-11-26", "player_id": 1_900_006, "quarter": 2, "clock_s": 100}


def test_a_spot_is_enough(client: httpx.Client, server: Server) -> None:
    answer = client.post("/v1/shots/predict", json=SPOT)
    assert answer.status_code == 200
    shown = answer.json()
    (expected,) = server.service.predictor.shots([ShotQuestion(0, 15)])
    assert shown["probability"] == expected.probability
    assert (shown["low"], shown["high"]) == (expected.low, expected.high)
    assert shown["expected_points"] == 2 * shown["probability"]
    assert (shown["target"], shown["model"], shown["state"]) == ("shot_pre_release", expected.model, expected.state)
    assert (shown["is_known"], shown["flags"], shown["is_scorable"]) == (None, [], False)
    assert "contributions" not in shown


def test_what_is_answered_is_in_the_log_before(client: httpx.Client, server: Server) -> None:
    asked = {**SPOT, "player_id": 1_900_006, "quarter": 2, "clock_s": 100, "event": EVENT}
    shown = client.post("/v1/shots/predict", json=asked).json()
    kept = server.service.home.prediction_log.find(shown["prediction_id"])
    assert kept is not None
    assert kept.answer.probability == shown["probability"]
    assert (kept.event, kept.game, str(kept.game_date)) == ("22200001/1900006/2/100", "22200001", "2022-11-26")
    assert json.loads(kept.question)["event"] == EVENT
    assert len(kept.answer.features) % 4 == 0
    assert shown["is_scorable"]


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_predicting_closes_with_the_platforms_date(client: httpx.Client, server: Server, days: int) -> None:
    date = today(server.service.home)
    assert date is not None
    asked = {**SPOT, "event": {**EVENT, "game_date": str(date + timedelta(days=days))}}
    shown = client.post("/v1/shots/predict", json=asked).json()
    kept = server.service.home.prediction_log.find(shown["prediction_id"])
    assert kept is not None
    assert kept.game_date is not None
    is_early = kept.answer.as_of < kept.game_date
    assert (shown["is_scorable"], "late_event" in shown["flags"], is_early) == (days > 0, days <= 0, days > 0)


def test_the_action_calls_the_post_event_champion(client: httpx.Client) -> None:
    shown = client.post("/v1/shots/predict", json={**SPOT, "action_type": "Jump Shot"}).json()
    assert shown["target"] == "shot_post_event"


def test_unknown_players_and_teams_are_answered_and_flagged(client: httpx.Client) -> None:
    shown = client.post("/v1/shots/predict", json={**SPOT, "player_id": 7, "team": "XYZ", "opponent": "BOS"})
    assert shown.status_code == 200
    assert {"unknown_player", "unknown_team"} <= set(shown.json()["flags"])
    assert shown.json()["is_known"] is False


def test_a_batch_is_answered_in_order_as_one_by_one(client: httpx.Client) -> None:
    shots = [{"x_ft": x, "y_ft": 10} for x in range(-20, 21)]
    batch = client.post("/v1/shots/predict-batch", json={"shots": shots}).json()["predictions"]
    single = client.post("/v1/shots/predict", json=shots[7]).json()
    assert len({shown["prediction_id"] for shown in batch}) == len(shots)
    assert batch[7]["probability"] == pytest.approx(single["probability"], abs=1e-12)
    assert len({shown["probability"] for shown in batch}) > 5


@pytest.mark.parametrize("count", [1, 1_000])
def test_batches_from_one_to_a_thousand(client: httpx.Client, count: int) -> None:
    answer = client.post("/v1/shots/predict-batch", json={"shots": [SPOT] * count}, timeout=60)
    assert len(answer.json()["predictions"]) == count


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ('"x_ft": NaN', "x_ft", "finite"),
        ('"x_ft": Infinity', "x_ft", "finite"),
        ('"x_ft": -Infinity', "x_ft", "finite"),
        ('"x_ft": 1e999', "x_ft", "finite"),
        ('"x_ft": 25.1', "x_ft", "less than or equal to 25"),
        ('"y_ft": -6', "y_ft", "greater than or equal to -5.25"),
        ('"y_ft": 90', "y_ft", "less than or equal to 88.75"),
        ('"y_ft": null', "y_ft", "valid number"),
        ('"x_ft": "3"', "x_ft", "valid number"),
        ('"x_ft": 0, "y_ft": 1, "points_value": 3', "points_value", "a three must be from"),
        ('"points_value": 4', "points_value", "2 or 3"),
        ('"clock_s": -1', "clock_s", "greater than or equal to 0"),
        ('"quarter": 5, "clock_s": 301', "clock_s", "300"),
        ('"quarter": 0', "quarter", "greater than or equal to 1"),
        ('"position_group": "X"', "position_group", "'G', 'F' or 'C'"),
        ('"team": "Boston"', "team", "pattern"),
        ('"team": "BOS", "opponent": "BOS"', "opponent", "must not be the shooter's own team"),
        ('"player_id": 9223372036854775808', "player_id", "less than or equal to"),
        ('"player_id": 1e400', "player_id", "valid integer"),
        ('"lang": "de"', "lang", "'en' or 'fr'"),
        ('"distance": 4', "distance", "not permitted"),
        ('"so_far": {"own_attempts": 1, "own_makes": 2}', "so_far.own_makes", "must not exceed own_attempts"),
        (f'"clock_s": 99, "event": {json.dumps(EVENT)}', "event.clock_s", "must be the question's own clock_s"),
        (f'"player_id": 3, "event": {json.dumps(EVENT)}', "event.player_id", "must be the question's own player_id"),
        ('"event": {"game_id": 1}', "event.game_date", "required"),
    ],
)
def test_each_broken_rule_names_its_field(client: httpx.Client, change: str, field: str, words: str) -> None:
    body = f'{{"x_ft": 0, "y_ft": 15, {change}}}'
    answer = client.post("/v1/shots/predict", content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems#invalid"
    found = {error["field"]: error["rule"] for error in answer.json()["errors"]}
    assert words in found[field]


def test_more_errors_than_anybody_reads_are_counted_and_not_built(client: httpx.Client) -> None:
    body = b'{"x_ft": 0, "y_ft": 1, ' + b", ".join(b'"unknown_%d": 1' % number for number in range(60_000)) + b"}"
    answer = client.post("/v1/shots/predict", content=body, headers=JSON).json()
    assert (answer["errors"], answer["errors_in_all"]) == ([], 60_000)
    assert "60,000 values break rules, too many to list" in answer["detail"]


def test_a_batch_names_the_row(client: httpx.Client) -> None:
    shots = [SPOT, SPOT, {**SPOT, "quarter": 6, "clock_s": 700}]
    error = client.post("/v1/shots/predict-batch", json={"shots": shots}).json()["errors"][0]
    assert error["field"] == "shots[2].clock_s"


@pytest.mark.parametrize("count", [0, 1_001, 10_001])
def test_too_few_or_too_many_rows_are_refused_as_such(client: httpx.Client, count: int) -> None:
    answer = client.post("/v1/shots/predict-batch", json={"shots": [SPOT] * count})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "shots"
    assert answer.json()["errors_in_all"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b"{", JSON, 400, "not-json"),
        (b"", JSON, 400, "not-json"),
        (b'\xff"', JSON, 400, "not-json"),
        (b"[" * 100_000, JSON, 400, "not-json"),
        (b"[]", JSON, 422, "invalid"),
        (b"x_ft=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type"),
        (b'{"x_ft": 1, "y_ft": 2}', {"content-type": "text/plain"}, 415, "unsupported-media-type"),
        (b'{"x_ft": 1, "y_ft": 2, "team": "' + b"A" * 10_000_000 + b'"}', JSON, 413, "too-large"),
    ],
)
def test_each_bad_body_has_its_own_answer(client: httpx.Client, body, headers, status, slug) -> None:
    answer = client.post("/v1/shots/predict", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems#{slug}")
    assert client.post("/v1/shots/predict", json=SPOT).status_code == 200


def test_a_stream_without_an_end_is_cut_off_at_the_limit(client: httpx.Client, server: Server) -> None:
    sent = 0

    def body():
        nonlocal sent
        for _ in range(200):
            sent += 50_000
            yield b" " * 50_000

    answer = client.post("/v1/shots/predict", content=body(), headers=JSON)
    assert (answer.status_code, answer.json()["limit_bytes"]) == (413, server.service.home.settings.api.max_body_bytes)


def test_a_game_of_two_teams(client: httpx.Client) -> None:
    shown = client.post("/v1/games/predict", json={"home_team": "BOS", "away_team": "DEN"}).json()
    assert shown["target"] == "game"
    assert 0 < shown["low"] <= shown["probability"] <= shown["high"] < 1
    assert (shown["points_value"], shown["expected_points"]) == (None, None)


def test_a_scheduled_game_is_scorable(client: httpx.Client, server: Server) -> None:
    coming = client.get("/v1/games").json()
    game = coming["games"][1]
    asked = {"home_team": game["home_team"], "away_team": game["away_team"], "game_key": game["game_key"]}
    shown = client.post("/v1/games/predict", json=asked).json()
    kept = server.service.home.prediction_log.find(shown["prediction_id"])
    assert kept is not None
    assert (kept.event, str(kept.game_date)) == (game["game_key"], game["game_date"])
    assert shown["is_scorable"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"away_team": "BOS"}, "away_team", "must not be the home team"),
        ({"game_date": "2020-01-01"}, "game_date", "must be after"),
        ({"game_key": "2022-11-26_DEN_DAL"}, "game_key", "must agree with"),
        ({"game_key": "2022-19-26_DEN_BOS"}, "game_key", "must begin with a date"),
        ({"game_date": "tomorrow"}, "game_date", "date"),
    ],
)
def test_each_rule_about_games(client: httpx.Client, change, field, words) -> None:
    answer = client.post("/v1/games/predict", json={"home_team": "BOS", "away_team": "DEN", **change})
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert error["field"] == field
    assert words in error["rule"]


def test_coming_games_have_the_champions_probability_where_there_is_one(client, server) -> None:
    coming = client.get("/v1/games").json()
    date = today(server.service.home)
    assert date is not None
    assert coming["today"] == str(date)
    first, second = coming["games"]
    assert first["game_date"] == str(date + timedelta(days=1))
    assert (first["home_probability"], second["home_probability"]) == (0.625, None)
    assert client.get("/v1/games", params={"team": "ATL"}).json()["games"] == [first]
    assert client.get("/v1/games", params={"limit": 1}).json()["games"] == [first]


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_invented_players_are_said_wherever_predictions_are_shown(own_champions: Settings, is_synthetic: bool) -> None:
    urls = dict.fromkeys(("shots_url", "games_url", "odds_url")) if is_synthetic else {}
    game = {"home_team": "BOS", "away_team": "DEN"}
    with TestClient(create_app(own_champions.model_copy(update=urls))) as client:
        shown = [
            client.post("/v1/shots/predict", json=SPOT).json(),
            client.post("/v1/shots/predict-batch", json={"shots": [SPOT] * 2}).json(),
            client.post("/v1/games/predict", json=game).json(),
            client.post("/predict", json=ORIGINAL_EXAMPLE).json(),
        ]
        shown.append(client.get(f"/v1/predictions/{shown[0]['prediction_id']}").json())
    assert [one["is_synthetic"] for one in shown] == [is_synthetic] * 5
    # Once for a whole batch.
    assert "is_synthetic" not in shown[1]["predictions"][0]


def test_an_example_of_the_documentation_is_a_request_that_is_answered(client: httpx.Client) -> None:
    assert client.post("/v1/shots/predict", content=orjson.dumps(SHOT_EXAMPLE), headers=JSON).status_code == 200
