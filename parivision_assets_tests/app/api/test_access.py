"""Who may ask the API, and how much: every kind of key that is not one, and limits per key and per address."""

import datetime as dt

import httpx
import pytest
from starlette.testclient import TestClient

from app.api.access import OPEN_PATHS, keys_required
from parivision_assets.settings import ApiSettings, Settings
from parivision_assets.stores.home import Home

SPOT = {"x_ft": 0, "y_ft": 15}
ADDRESSES = ("/v1/shots/predict", "/v1/games", "/v1/players", "/v1/teams", "/v1/champions", "/nowhere")


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


@pytest.mark.parametrize(
    ("settings", "required"),
    [
        ({}, False),
        ({"api": ApiSettings(host="::1")}, False),
        ({"api": ApiSettings(host="localhost")}, False),
        ({"api": ApiSettings(host="0.0.0.0")}, True),  # noqa: S104 - no socket is opened
        ({"api": ApiSettings(host="api.example")}, True),
        ({"api": ApiSettings(host="0.0.0.0", keys_required=False)}, False),  # noqa: S104
        ({"api": ApiSettings(keys_required=True)}, True),
        ({"environment": "production"}, True),
    ],
)
def test_where_a_key_is_needed(settings, required: bool) -> None:
    assert keys_required(Settings().model_copy(update=settings)) is required


def test_without_a_key_only_probes_and_descriptions_answer(start) -> None:
    server = start(keys_required=True)
    with httpx.Client(base_url=server.url) as client:
        for path in OPEN_PATHS:
            assert client.get(path).status_code == 200, path
        for path in ADDRESSES:
            refused = client.get(path)
            assert (refused.status_code, refused.json()["type"]) == (401, "/problems#key-missing"), path
            assert refused.headers["www-authenticate"] == "Bearer"


def test_a_key_lets_in_by_either_header_and_names_who_asked(start) -> None:
    server = start(keys_required=True, refresh_s=0.05)
    home = server.service.home
    _, text = home.api_keys.create("scoreboard", "test", "a client")
    server.service.access.refresh()
    for headers in (bearer(text), {"x-api-key": text}, {"authorization": f"bearer {text}"}):
        answer = httpx.post(f"{server.url}/v1/shots/predict", json=SPOT, headers=headers)
        assert answer.status_code == 200
        kept = home.prediction_log.find(answer.json()["prediction_id"])
        assert kept is not None
        assert kept.client == "scoreboard"


@pytest.mark.parametrize("required", [True, False])
def test_each_key_that_is_none_has_its_own_answer(start, required: bool) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    server = start(keys_required=required, refresh_s=5)
    home = server.service.home
    revoked, revoked_text = home.api_keys.create("left", "test", "a client")
    home.api_keys.revoke(revoked.key_id, "test", "left")
    _, good = home.api_keys.create("stays", "test", "a client")
    earlier = Home(home.settings, lambda: now)
    _, expired = earlier.api_keys.create("over", "test", "a client", dt.date(2026, 1, 2))
    server.service.access.refresh()
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    cases = {
        "key-unknown": ("nonsense", forged, "", f"pv_{'0' * 12}_{'a' * 43}"),
        "key-revoked": (revoked_text,),
        "key-expired": (expired,),
    }
    for slug, texts in cases.items():
        for text in texts:
            refused = httpx.get(f"{server.url}/v1/games", headers={"x-api-key": text})
            assert (refused.status_code, refused.json()["type"]) == (401, f"/problems#{slug}"), text
            assert not text or text not in refused.text
    assert httpx.get(f"{server.url}/v1/games", headers=bearer(good)).status_code == 200


def test_a_revoked_key_ends_at_the_next_look(start) -> None:
    server = start(keys_required=True, refresh_s=0.05)
    home = server.service.home
    key, text = home.api_keys.create("leaving", "test", "a client")
    server.service.access.refresh()
    assert httpx.get(f"{server.url}/v1/games", headers=bearer(text)).status_code == 200
    home.api_keys.revoke(key.key_id, "test", "left")
    while (answer := httpx.get(f"{server.url}/v1/games", headers=bearer(text))).status_code == 200:
        pass
    assert answer.json()["type"] == "/problems#key-revoked"


def test_more_than_the_limit_waits_and_others_do_not(start) -> None:
    server = start(rate_limit="3/hour", refresh_s=5)
    _, text = server.service.home.api_keys.create("busy", "test", "a client")
    server.service.access.refresh()
    with httpx.Client(base_url=server.url) as client:
        assert [client.get("/v1/games", headers=bearer(text)).status_code for _ in range(3)] == [200] * 3
        refused = client.get("/v1/games", headers=bearer(text))
        assert (refused.status_code, refused.json()["type"]) == (429, "/problems#rate-limited")
        assert 0 < int(refused.headers["retry-after"]) <= 3600
        assert refused.json()["limit"] == "3 per 1 hour"
        assert [client.get("/v1/games").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert client.get("/readyz").status_code == 200


def test_a_wrong_limit_is_said_at_the_start(tmp_path) -> None:
    with pytest.raises(ValueError, match="couldn't parse rate limit string"):
        ApiSettings(rate_limit="many")


def test_keys_that_cannot_be_read_are_no_keys(tmp_path) -> None:
    from app.api import create_app

    app = create_app(Settings(home=tmp_path, api=ApiSettings(keys_required=True)))
    # Without its lifespan nothing was read yet.
    refused = TestClient(app).get("/v1/games", headers=bearer("pv_x"))
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems#keys-unread")
