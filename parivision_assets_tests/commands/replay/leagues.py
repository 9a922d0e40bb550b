"""Leagues small enough to be lived in seconds, and the questions that are asked of them."""

import datetime as dt
from functools import cache

from parivision_assets.commands.replay.command import Question
from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, SensorFault, generate
from parivision_assets.core.league.calendar import regular_season
from parivision_assets.sources.day_by_day import LeagueDays

LEARNT, LIVED = 2022, 2023
SEED, TEAMS, GAMES, SHOTS = 1000, 8, 20, 40
QUICK_PACE = LoopPolicy(report_every_game_days=10, settle_game_days=2, cool_down_game_days=3)
TARGET = "shot_post_event"
START_GAME_DAY, DAYS = 12, 30
"""In this league the first champion is proven, the change is reported and learnt within 30 game days."""


class Silent:
    """A progress that nobody looks at."""

    def say(self, text: str) -> None:
        pass

    def done(self) -> None:
        pass


def game_days() -> list[dt.date]:
    """Return the game days of the season that is lived."""
    return sorted({dt.date.fromordinal(int(day)) for day in regular_season(LIVED, TEAMS, GAMES, SEED).day})


@cache
def league(kind: ScenarioKind | None = ScenarioKind.RULE_CHANGE, fault: SensorFault = SensorFault.SCALED) -> LeagueDays:
    """Return the league, which changes on its 13th game day, unless nothing does."""
    change = None if kind is None else Scenario(kind, game_days()[START_GAME_DAY], fault=fault, delay_days=6)
    return LeagueDays(
        generate(
            LeagueConfig(SEED, LEARNT, 2, teams=TEAMS, games_per_team=GAMES, shots_per_game=SHOTS, scenario=change)
        )
    )


def question(days: int = DAYS) -> Question:
    """Return the question whose first days hold a training, a promotion, reports and a second training."""
    return Question((LIVED,), (LEARNT,), (TARGET,), 0.1, game_days()[days - 1], QUICK_PACE)
