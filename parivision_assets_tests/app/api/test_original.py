"""A client of the original API, as it was written, against this one."""

import httpx
import pytest

from app.api.original import ORIGINAL_EXAMPLE
from parivision_assets_tests.app.api.server import Server


def test_the_original_addresses_answer(client: httpx.Client) -> None:
    assert client.get("/").json()["message"] == "PariVision API"
    infos = client.get("/get_champion_infos").json()
    champion = next(c for c in client.get("/v1/champions").json()["champions"] if c["target"] == "shot_pre_release")
    assert (infos["model"], infos["model_version"]) == (champion["model"], champion["decision"])


def test_seven_numbers_are_the_shot_in_our_terms(client: httpx.Client, server: Server) -> None:
    old = client.post("/predict", json=ORIGINAL_EXAMPLE).json()
    new = client.post(
        "/v1/shots/predict",
        json={"x_ft": -22.4, "y_ft": 3.5, "player_id": 201939, "clock_s": 31, "points_value": 3},
    ).json()
    assert old["probability"] == new["probability"]
    assert old["prediction"] == int(old["probability"] >= 0.5)
    assert server.service.home.prediction_log.find(old["prediction_id"]) is not None


@pytest.mark.parametrize(
    "change", [{"Player_ID": 201939.0}, {"Player_ID": "201939"}, {"X_Location": "-224.0"}, {"Shot_Type_Encoded": 3.0}]
)
def test_numbers_may_come_as_the_originals_clients_send_them(client: httpx.Client, change) -> None:
    answers = [client.post("/predict", json=body) for body in (ORIGINAL_EXAMPLE, {**ORIGINAL_EXAMPLE, **change})]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["probability"] == answers[1].json()["probability"]


def test_a_dunk_is_one_and_a_heave_is_zero(client: httpx.Client) -> None:
    dunk = {**ORIGINAL_EXAMPLE, "X_Location": 0, "Y_Location": 0, "Shot_Type_Encoded": 2, "Shot_Distance_Meters": 0}
    heave = {**ORIGINAL_EXAMPLE, "X_Location": 0, "Y_Location": 600, "Shot_Distance_Meters": 18.3}
    assert client.post("/predict", json={**dunk, "Shot_Zone_Combined": 1}).json()["prediction"] == 1
    assert client.post("/predict", json={**heave, "Shot_Zone_Combined": 7}).json()["prediction"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Shot_Type_Encoded": 5}, "Shot_Type_Encoded"),
        ({"Shot_Zone_Combined": 1}, "Shot_Zone_Combined"),
        ({"Shot_Distance_Meters": 1.0}, "Shot_Distance_Meters"),
        ({"X_Location": 400}, "X_Location"),
        ({"Total_Seconds_Remaining": -1}, "Total_Seconds_Remaining"),
        ({"Player_ID": "Curry"}, "Player_ID"),
        ({"Player_ID": 10**30}, "Player_ID"),
        ({"Player_ID": 1.5}, "Player_ID"),
        ({"Player_ID": True}, "Player_ID"),
        ({"Player_ID": "1e3"}, "Player_ID"),
    ],
)
def test_what_contradicts_itself_is_refused_by_its_own_name(client: httpx.Client, change, field) -> None:
    answer = client.post("/predict", json={**ORIGINAL_EXAMPLE, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
