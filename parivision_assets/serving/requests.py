"""From a question about a shot to the request that features are computed from, and what a reader should know of it.

A request names the columns of `shot_features.REQUEST_SCHEMA`. Which questions are refused is in `rules`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from parivision_assets.core.questions import ShotQuestion
from parivision_assets.serving.snapshot import ServedState

UNKNOWN_PLAYER, UNKNOWN_TEAM, UNSEEN_ACTION = "unknown_player", "unknown_team", "unseen_action"
STALE_STATE, LATE_EVENT = "stale_state", "late_event"
FLAGS = {
    UNKNOWN_PLAYER: "The state remembers nothing of this player: answered as for a newcomer.",
    UNKNOWN_TEAM: "The state remembers nothing of a team: answered as if no team was named.",
    UNSEEN_ACTION: "The state remembers no shot described like this.",
    STALE_STATE: "The game is more than a week after the newest game that the state knows.",
    LATE_EVENT: "The answer may know outcomes of the game's own date, so that it will not be scored.",
}
"""What each flag of an answer says."""

STALE_AFTER_DAYS = 7
"""The longest pause within a season, the All-Star break, lasts about a week."""


@dataclass(frozen=True, slots=True)
class ShotRequest:
    """A shot as features see it."""

    columns: dict[str, Any]
    """Values by column; absent ones are withheld."""
    flags: tuple[str, ...]
    is_known: bool | None


def shot_request(question: ShotQuestion, state: ServedState, known_until: dt.date) -> ShotRequest:
    """Return the request of a checked question; `known_until` is the newest date whose outcomes the answer may know.

    A player without a memory is a newcomer, as in training: on debuts of a season that no model had seen, that lost
    0.633 nats per shot and the withheld player 0.634. Of teams none was new in training, so theirs is withheld.
    """
    flags = []
    columns: dict[str, Any] = {
        "spot_x_ft": question.x_ft, "spot_y_ft": question.y_ft, "points_value": question.points_value,
        "quarter": question.quarter, "clock_s": question.clock_s, "fg_margin_pts": question.fg_margin_pts,
        "action_type": question.action_type, "defender_distance_ft": question.defender_distance_ft,
        "shot_clock_s": question.shot_clock_s, "position_group": question.position_group, "game_date": state.as_of,
    }  # fmt: skip
    is_known = None
    if question.player_id is not None:
        is_known = question.player_id in state.positions
        columns["player_id"] = question.player_id
        if not is_known:
            flags.append(UNKNOWN_PLAYER)
        elif question.position_group is None:
            columns["position_group"] = state.positions[question.player_id]
    named = [team for team in (question.team, question.opponent) if team is not None]
    if all(team in state.shooting_teams for team in named):
        columns |= {"team": question.team, "opponent": question.opponent, "is_home": question.is_home}
    else:
        flags.append(UNKNOWN_TEAM)
    if question.action_type is not None and question.action_type not in state.actions:
        flags.append(UNSEEN_ACTION)
    if question.so_far is not None:
        so_far = question.so_far
        columns |= {name: getattr(so_far, name) for name in so_far.__slots__}
    if question.event is not None:
        date = question.event.game_date
        columns["game_date"] = max(date, state.as_of)
        flags += date_flags(date, state.as_of, known_until)
    return ShotRequest(columns, tuple(flags), is_known)


def date_flags(date: dt.date, as_of: dt.date, known_until: dt.date) -> list[str]:
    """Return the flags of a game's date against what is known."""
    if date <= known_until:
        return [LATE_EVENT]
    return [STALE_STATE] if (date - as_of).days > STALE_AFTER_DAYS else []
