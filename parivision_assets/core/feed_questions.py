"""A coming day's shots and games as the questions that are asked before they happen: the game so far, no outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import polars as pl

from parivision_assets.core.in_game import COUNTS, LAST, with_earlier_events
from parivision_assets.core.questions import GameQuestion, GameSoFar, ShotEvent, ShotQuestion

_SO_FAR = (*COUNTS, *LAST)
_KNOWN = {field.name for field in fields(ShotQuestion)} - {"so_far", "event", "action_type", "position_group"}
"""Columns of canonical shots that are known before the ball leaves the hand and that the feed has."""


@dataclass(frozen=True)
class ComingShot:
    """A question and when it can be asked: seconds of playing time since the tip-off."""

    elapsed_s: int
    question: ShotQuestion


def coming_shots(shots: pl.DataFrame) -> list[ComingShot]:
    """Return the questions about canonical shots of whole games, in the order in which all games are played at once.

    Each knows what happened in its game before its second, and nothing of itself but where it is taken from and by
    whom. Shots that share game, player, period and second are one event, asked once.
    """
    known = with_earlier_events(shots).sort("elapsed_s", "game_id", "shot_number")
    coming = [ComingShot(row["elapsed_s"], _question(row)) for row in known.iter_rows(named=True)]
    once = {shot.question.event: shot for shot in reversed(coming)}
    return list(reversed(once.values()))


def coming_games(games: pl.DataFrame) -> list[GameQuestion]:
    """Return the questions about games (game_key, game_date, stage, home_team, away_team; results are not read)."""
    return [
        GameQuestion(
            home_team=row["home_team"],
            away_team=row["away_team"],
            game_date=row["game_date"],
            is_playoffs=row["stage"] == "playoffs",
            game_key=row["game_key"],
        )
        for row in games.select("home_team", "away_team", "game_date", "stage", "game_key").iter_rows(named=True)
    ]


def _question(row: Mapping[str, Any]) -> ShotQuestion:
    event = ShotEvent(**{field.name: row[field.name] for field in fields(ShotEvent)})
    return ShotQuestion(
        **{name: row[name] for name in _KNOWN},
        so_far=GameSoFar(**{name: row[name] for name in _SO_FAR}),
        event=event,
    )
