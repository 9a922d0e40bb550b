"""The served feature vector equals the training row, bit for bit, for every real shot sampled."""

import datetime as dt
import itertools
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from parivision_assets.core import history, in_game
from parivision_assets.core.game_features import GAME_FEATURES, ShotTotals, build_game_features, replay
from parivision_assets.core.game_state import GameState, day_number
from parivision_assets.core.games import clean_games
from parivision_assets.core.shot_features import FEATURES, REQUEST_SCHEMA, features_from_state, shot_features
from parivision_assets.core.shots import clean_shots
from parivision_assets.serving.game_rows import TeamsAhead
from parivision_assets.serving.row_arithmetic import single
from parivision_assets.serving.shot_rows import ShotMemories, context_row, feature_values
from parivision_assets.sources.archives import parse_shots
from parivision_assets_tests.core.game_frames import read_published

NAMES = [feature.name for feature in FEATURES]
GIVEN = (
    "team", "opponent", "is_home", "player_id", "position_group", "quarter", "clock_s", "spot_x_ft", "spot_y_ft",
    "points_value", "is_at_rim", "action_type", *in_game.COLUMNS,
)  # fmt: skip
"""What a caller says of a shot; distance and angle follow."""


def rounded(values: list[Any]) -> list[Any]:
    """Return one row's values as a feature table holds them: text, or numbers in single precision."""
    numbers = [value if value is None or isinstance(value, str) else single(float(value)) for value in values]
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in numbers]


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
        memories = ShotMemories.of(known)
        for row in range(0, len(day), 11):
            request = {"game_date": date, **day.select(*GIVEN).row(row, named=True)}
            alone = feature_values(context_row(request, memories))
            assert rounded(alone) == list(expected.row(row)), (date, row)


@pytest.mark.real_data
def test_one_shot_alone_is_served_like_the_whole_day(real_shots: dict[int, pl.DataFrame]) -> None:
    date = dt.date(2019, 12, 25)
    landed = real_shots[2020].filter(pl.col("game_date") < date)
    known = history.state(history.season_totals(landed), date, 2020)
    day = in_game.with_earlier_events(real_shots[2020].filter(pl.col("game_date") == date)).select(*REQUEST_SCHEMA)
    together = features_from_state(day, known)
    for row in range(0, len(day), 60):
        assert features_from_state(day[row : row + 1], known).equals(together[row : row + 1])


@pytest.fixture(scope="module")
def real_games(real_data: Path) -> pl.DataFrame:
    games = read_published(real_data / "games" / "games.csv")
    odds = read_published(real_data / "odds" / "nba_2008-2020.csv")
    return clean_games(games, odds).valid.filter(pl.col("season").is_between(2017, 2020))


@pytest.mark.real_data
def test_games_are_served_as_they_were_trained(real_games: pl.DataFrame, real_shots: dict[int, pl.DataFrame]) -> None:
    totals = history.concat_totals([history.season_totals(shots) for shots in real_shots.values()])
    shots = ShotTotals(totals.players, totals.teams)
    games = real_games.filter(pl.col("season").is_in([2017, 2018]))
    trained, _ = build_game_features(games, shots)
    days = games.filter(pl.col("season") == 2018)["game_date"].unique().sort()
    start, since = None, dt.date.min
    for day in days.gather([0, 1, 40, 90, 160, len(days) - 12, len(days) - 1]):
        past = games.filter(pl.col("game_date").is_between(since, day, closed="left"))
        _, start = replay(past, shots, start)
        since = day
        ahead = TeamsAhead(start)
        for row in trained.filter(pl.col("game_date") == day).iter_rows(named=True):
            is_playoffs = row["stage"] != "regular"
            served = ahead.feature_values(day, row["home_team"], row["away_team"], is_playoffs)
            assert rounded(served) == [row[feature.name] for feature in GAME_FEATURES], (day, row["game_key"])


@pytest.mark.real_data
def test_a_date_is_of_the_season_that_the_archives_say(real_games: pl.DataFrame) -> None:
    days = real_games.select("season", "game_date").unique().sort("game_date").rows()
    for (season, newest), (following, date) in itertools.pairwise(days):
        state = GameState(season=season, day=day_number(newest))
        assert TeamsAhead(state).season_of(date) == following
