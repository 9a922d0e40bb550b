"""The features of one game to come: what the state says of two teams on the morning of a date, in plain Python."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.core import game_state, ratings
from parivision_assets.core.game_features import CONTEXT_COLUMNS, GAME_FEATURES
from parivision_assets.core.game_state import EPOCH, Fixture, GameState
from parivision_assets.serving.expressions import Row, compile_rows

FIRST_MONTH = 8
"""Games from August on belong to the season that ends in the next year."""
LONGEST_BREAK_DAYS = 10
"""Games this soon after the newest belong to its season: that of 2020 went on until October. Summers are longer."""
MORNINGS_KEPT = 16


class TeamsAhead:
    """A state of teams, asked about games to come; mornings that were asked for are kept. Safe for many threads."""

    def __init__(self, teams: GameState) -> None:
        """Ask `teams`, which nobody may change any more."""
        self.teams = teams
        self._mornings: dict[tuple[int, dt.date], GameState] = {}

    @property
    def newest(self) -> dt.date | None:
        """Return the date of the newest game that the state knows, None for none."""
        return None if self.teams.day is None else EPOCH + dt.timedelta(days=self.teams.day)

    def has_played(self, team: str | None) -> bool:
        """Return whether a team's games were ever rated: its strength then is tied to others'."""
        index = None if team is None else ratings.TEAM_INDEX.get(team)
        if index is None:
            return False
        return bool(np.count_nonzero(self.teams.margins["season"].covariance[index]) > 1)

    def season_of(self, date: dt.date) -> int:
        """Return the season, by the year in which it ends, of a game on a date after the newest."""
        newest, season = self.newest, self.teams.season
        if newest is not None and season is not None and (date - newest).days <= LONGEST_BREAK_DAYS:
            return season
        return date.year + (date.month >= FIRST_MONTH)

    def morning(self, date: dt.date) -> GameState:
        """Return the state on the morning of a date; raise ValueError for a date that is not after the newest game."""
        key = (self.season_of(date), date)
        found = self._mornings.get(key)
        if found is None:
            found = game_state.morning(self.teams, *key)
            while len(self._mornings) >= MORNINGS_KEPT:
                self._mornings.pop(next(iter(self._mornings)), None)
            self._mornings[key] = found
        return found

    def feature_values(self, date: dt.date, home: str | None, away: str | None, is_playoffs: bool) -> list[Any]:
        """Return the values of GAME_FEATURES, before they are rounded; None where missing, as for a team that is None.

        The same bits as `game_features.schedule_features`.
        """
        described = game_state.describe(
            self.morning(date), Fixture(self.season_of(date), date, home, away, is_playoffs)
        )
        context: Row = {
            name: None if (value := described.get(name)) is None else float(value) for name in CONTEXT_COLUMNS
        }
        return _compiled()(context)


@cache
def _compiled() -> Callable[[Row], list[Any]]:
    schema = dict.fromkeys(CONTEXT_COLUMNS, pl.Float64)
    return compile_rows([{feature.name: feature.expr for feature in GAME_FEATURES}], schema)
