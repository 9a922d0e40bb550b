"""The served feature vector equals the training row, bit for bit, for every real shot sampled."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.core import history, in_game
from parivision_assets.core.shot_features import FEATURES, REQUEST_SCHEMA, features_from_state, shot_features
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources.archives import parse_shots

NAMES = [feature.name for feature in FEATURES]
GIVEN = (
    "team", "opponent", "is_home", "player_id", "position_group", "quarter", "clock_s", "spot_x_ft", "spot_y_ft",
    "points_value", "is_at_rim", "action_type", *in_game.COLUMNS,
)  # fmt: skip
"""What a caller says of a shot; distance and angle follow."""


@pytest.fixture(scope="module")
def real_shots(real_data: Path) -> dict[int, pl.DataFrame]:
    shots = {}
    for season in (2018, 2020):
        path = real_data / "shots" / f"NBA_{season}_Shots.csv.zip"
        shots[season] = clean_shots(parse_shots(path.read_bytes(), path.name)).valid
    return shots


@pytest.mark.real_data
def test_a_days_shots_are_served_as_they_were_trained(real_shots: dict[int, pl.DataFrame]) -> None:
    totals = {season: history.season_totals(shots) for season, shots in real_shots.items()}
    trained = shot_features(real_shots[2020], history.concat_totals(list(totals.values())), 2020)
    for date in (dt.date(2019, 10, 22), dt.date(2019, 12, 25), dt.date(2020, 8, 14)):
        # What was landed on the morning of that day: nothing of the day itself, nothing later.
        landed = real_shots[2020].filter(pl.col("game_date") < date)
        past = [totals[2018], history.season_totals(landed)] if len(landed) else [totals[2018]]
        known = history.state(history.concat_totals(past), date, 2020)
        day = in_game.with_earlier_events(real_shots[2020].filter(pl.col("game_date") == date))
        served = features_from_state(day.select(*GIVEN), known)
        expected = trained.filter(pl.col("game_date") == date).select(NAMES)
        assert len(served) > 100
        for name in NAMES:
            assert served[name].equals(expected[name]), (date, name)


@pytest.mark.real_data
def test_one_shot_alone_is_served_like_the_whole_day(real_shots: dict[int, pl.DataFrame]) -> None:
    date = dt.date(2019, 12, 25)
    landed = real_shots[2020].filter(pl.col("game_date") < date)
    known = history.state(history.season_totals(landed), date, 2020)
    day = in_game.with_earlier_events(real_shots[2020].filter(pl.col("game_date") == date)).select(*REQUEST_SCHEMA)
    together = features_from_state(day, known)
    for row in range(0, len(day), 60):
        assert features_from_state(day[row : row + 1], known).equals(together[row : row + 1])
