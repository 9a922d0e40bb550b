from typing import Any

import pytest

from parivision_assets.core.forecasts import clean_forecasts
from parivision_assets_tests.core.game_frames import archive


def row(**changes: Any) -> dict[str, Any]:
    values = {
        "season": 2020, "date": "2020-10-11", "team1": "Heat", "team2": "Lakers", "prob1": 0.65,
        "prob1_outcome": 0, "prob2": 0.35, "prob2_outcome": 1,
    }  # fmt: skip
    return {**values, **changes}


def test_team1_is_the_home_team() -> None:
    forecast = clean_forecasts(archive([row()])).valid.row(0, named=True)
    assert (forecast["home_team"], forecast["away_team"]) == ("MIA", "LAL")
    assert forecast["published_home_probability"] == 0.65


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"date": "10/11/2020"}, "a date as YYYY-MM-DD"),
        ({"team1": "Sonics"}, "a known franchise"),
        ({"prob1": 1.2}, "a probability between 0 and 1"),
        ({"prob1": None}, "a probability between 0 and 1"),
        ({"prob2": 0.45}, "the two probabilities sum to 1"),
    ],
)
def test_a_broken_forecast_is_quarantined_with_its_rule(changes: dict[str, Any], rule: str) -> None:
    cleaned = clean_forecasts(archive([row(), row(**{"date": "2020-10-09", **changes})]))
    assert cleaned.valid.height == 1
    assert cleaned.quarantined["rule"].to_list() == [rule]
    assert "row 2" in cleaned.quarantined["message"][0]


def test_two_forecasts_for_one_game_are_both_quarantined() -> None:
    cleaned = clean_forecasts(archive([row(), row(prob1=0.6, prob2=0.4)]))
    assert cleaned.valid.is_empty()
    assert cleaned.quarantined.height == 2
