"""Receipts and explanations over HTTP."""

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from parivision_assets.stores.atomic import StoreError
from parivision_assets_tests.app.api.server import Server

SPOT = {"x_ft": 0, "y_ft": 15}


def test_a_receipt_leads_from_the_answer_to_the_raw_files(client: httpx.Client, server: Server) -> None:
    answer = client.post("/v1/shots/predict", json={**SPOT, "quarter": 4, "clock_s": 31}).json()
    shown = client.get(f"/v1/predictions/{answer['prediction_id']}")
    assert shown.status_code == 200
    receipt = shown.json()
    assert receipt["question"]["y_ft"] == 15
    assert receipt["answer"]["probability"] == answer["probability"]
    assert (receipt["model"]["digest"], receipt["state"]["digest"]) == (answer["model"], answer["state"])
    assert (receipt["promotion"]["entry"], receipt["promotion"]["reason"]) == (answer["decision"], "proven better")
    assert receipt["outcome"]["state"] == "hypothetical"
    assert receipt["raw_files"]
    assert all(len(file["sha256"]) == 64 for file in receipt["raw_files"])


def test_a_receipt_says_what_was_changed_and_names_no_file(start, caplog: pytest.LogCaptureFixture) -> None:
    server = start()
    answer = httpx.post(f"{server.url}/v1/shots/predict", json=SPOT).json()
    home = server.service.home
    for digest, change in ((answer["model"], b"{"), (answer["state"], None)):
        folder = home.bundles.read_bundle(digest).ref.path
        if change is None:
            folder.rename(folder.with_name("elsewhere"))
        else:
            min(folder.rglob("*.json")).write_bytes(change)
    shown = httpx.get(f"{server.url}/v1/predictions/{answer['prediction_id']}")
    assert shown.status_code == 200
    said = shown.json()["not_reached"]
    assert "model: its bundle was changed after it was written" in said
    assert "state: its bundle is no longer here" in said
    assert str(home.root) not in shown.text
    assert str(home.root) in caplog.text


def test_there_is_no_receipt_of_what_was_never_answered(client: httpx.Client) -> None:
    missing = client.get(f"/v1/predictions/{'0' * 32}")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems#no-such-prediction")
    assert client.get("/v1/predictions/whatever").status_code == 422


@pytest.mark.parametrize(("lang", "words"), [("en", "Where the shot is taken"), ("fr", "L'endroit du tir")])
def test_contributions_sum_to_the_probability_in_words_of_the_language(client: httpx.Client, lang, words) -> None:
    asked = {**SPOT, "quarter": 4, "clock_s": 31, "explain": True, "lang": lang}
    shown = client.post("/v1/shots/predict", json=asked).json()
    parts = shown["contributions"]
    assert sum(part["points"] for part in parts) == pytest.approx(100 * shown["probability"], abs=1e-6)
    assert any(words in part["words"] for part in parts)


def test_games_and_batches_are_explained_too(client: httpx.Client) -> None:
    game = client.post("/v1/games/predict", json={"home_team": "BOS", "away_team": "DEN", "explain": True}).json()
    assert sum(part["points"] for part in game["contributions"]) == pytest.approx(100 * game["probability"], abs=1e-6)
    shots = [{**SPOT, "explain": True}, SPOT]
    first, second = client.post("/v1/shots/predict-batch", json={"shots": shots}).json()["predictions"]
    assert first["contributions"]
    assert "contributions" not in second


def test_only_so_many_shots_of_a_batch_are_explained(client: httpx.Client) -> None:
    answer = client.post("/v1/shots/predict-batch", json={"shots": [{**SPOT, "explain": True}] * 11})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "shots[10].explain"


@pytest.mark.parametrize(
    "error", [StoreError("host db-7 is away"), OperationalError("SELECT 1", {}, OSError("host db-7 is away"))]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/champions"), ("POST", "/v1/shots/predict")])
def test_a_store_that_fails_is_said_without_its_address(start, method: str, path: str, error, monkeypatch) -> None:
    server = start(refresh_s=5)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(server.service.home.ledger, "records", fail)
    monkeypatch.setattr(server.service.predictor, "explain", fail)
    answer = httpx.request(method, f"{server.url}{path}", json={**SPOT, "explain": True} if method == "POST" else None)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems#store-failed")
    assert "db-7" not in answer.text
