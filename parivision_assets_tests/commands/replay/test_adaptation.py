"""The loop on one small league: nothing happens without a change, broken data are never learnt, a style is no concept.

The whole measurement, with every scenario and twenty seeds, is `benchmarks/adaptation.py`.
"""

import datetime as dt
from functools import cache
from typing import Any

import polars as pl
import pytest

from parivision_assets.commands.replay.command import learn_whole
from parivision_assets.commands.replay.core_engine import CoreEngine
from parivision_assets.commands.replay.journal import Journal
from parivision_assets.commands.replay.loop import Loop
from parivision_assets.commands.replay.season import Past, PlayedSeason, play
from parivision_assets.commands.replay.track import Chances, Track
from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.game_state import GameState
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, generate
from parivision_assets.core.league.calendar import regular_season
from parivision_assets.sources.day_by_day import LeagueDays

SEED, LEARNT, LIVED = 1003, 2022, 2023
TEAMS, GAMES = 12, 24
START_GAME_DAY = 15
POST_EVENT = "shot_post_event"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@cache
def change_day() -> dt.date:
    """Return the first day of a change."""
    days = sorted({dt.date.fromordinal(int(day)) for day in regular_season(LIVED, TEAMS, GAMES, SEED).day})
    return days[START_GAME_DAY]


@cache
def lived(kind: ScenarioKind | None) -> tuple[list[dict[str, Any]], PlayedSeason, Track]:
    """Return a whole season's events, the season as it was met, and the target's state at its end."""
    scenario = None if kind is None else Scenario(kind, change_day())
    source = LeagueDays(generate(LeagueConfig(SEED, LEARNT, 2, teams=TEAMS, games_per_team=GAMES, scenario=scenario)))
    track = Track(TARGETS[POST_EVENT])
    engine = CoreEngine(0.1, 1, tracks={track.name: track})
    loop = Loop(
        engine, Journal(None, {}), LoopPolicy(), (track,), source.known_on,
        lambda _played, _day: None, lambda *_served: None, lambda _season: None, lambda _text: None,
    )  # fmt: skip
    learnt, past = play(source, LEARNT, Past({}, GameState()))
    learn_whole((track,), learnt)
    engine.enter(Chances(engine, learnt))
    loop.begin(learnt)
    played, _ = play(source, LIVED, past)
    loop.live(played, is_last=True)
    return loop.events, played, track


def test_without_a_change_nothing_is_trained_but_the_first() -> None:
    events, _, track = lived(None)
    assert [event["cause"] for event in events if event["event"] == "training"] == ["first"]
    assert [event["event"] for event in events].count("promote") == 1
    assert not [event for event in events if "concept" in event.get("verdict", "")]
    assert track.champion is not None


def test_a_broken_sensor_is_stopped_and_never_learnt() -> None:
    events, played, track = lived(ScenarioKind.BROKEN_SENSOR)
    broken = [day for day in played.days if day >= change_day()]
    refused = [event["day"] for event in events if event["event"] == "refused"]
    assert refused
    assert min(refused) == broken[0]
    assert not played.features["shot_features"].filter(pl.col("game_date") >= broken[0]).height
    assert max(track.game_days) < broken[0]
    assert all(header.trained_until < broken[0] for header in track.models())
    assert [event["cause"] for event in events if event["event"] == "training"] == ["first"]


def test_a_style_shift_is_never_called_concept() -> None:
    events, _, _ = lived(ScenarioKind.STYLE_SHIFT)
    reports = [event["verdict"] for event in events if event["event"] == "report"]
    assert not [verdict for verdict in reports if "concept" in verdict]
    assert [event["cause"] for event in events if event["event"] == "training"] == ["first"]


def test_a_rule_change_is_called_concept_and_learnt() -> None:
    """The same loop on the same league does find what is there to be found."""
    events, _, _ = lived(ScenarioKind.RULE_CHANGE)
    reports = [event for event in events if event["event"] == "report" and "concept" in event["verdict"]]
    assert reports
    assert reports[0]["day"] >= change_day()
    assert "concept" in [event["cause"] for event in events if event["event"] == "training"]
