"""Recomputes a logged answer from what it cites, the model, the state and the question, and compares bit for bit."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, fields
from typing import Any

from parivision_assets.core.game_target import GAME
from parivision_assets.core.questions import Answer, GameQuestion, GameSoFar, ShotEvent, ShotQuestion
from parivision_assets.serving.games import answer_games
from parivision_assets.serving.shots import answer_shots
from parivision_assets.serving.snapshot import recorded_snapshot
from parivision_assets.stores.home import Home
from parivision_assets.stores.receipts import logged


@dataclass(frozen=True)
class Replay:
    """A logged answer beside the one recomputed today."""

    prediction_id: str
    recorded: Answer
    recomputed: Answer

    @property
    def differences(self) -> tuple[str, ...]:
        """Return the names of the fields that are not the very same; () when all are."""
        names = (field.name for field in fields(Answer))
        return tuple(name for name in names if getattr(self.recorded, name) != getattr(self.recomputed, name))


def replay(home: Home, prediction_id: str) -> Replay:
    """Return a logged answer recomputed from the recorded versions.

    Raises PredictionAbsentError for an unknown id, StoreError for a model or state that is gone or damaged, ValueError
    for one that this version cannot read, QuestionError for a question that is no longer answered.
    """
    entry = logged(home, prediction_id)
    recorded = entry.answer
    snapshot = recorded_snapshot(home, recorded)
    if recorded.target == GAME.name:
        (recomputed,) = answer_games(snapshot, [game_question(entry.question)])
    else:
        (recomputed,) = answer_shots(snapshot, [shot_question(entry.question)])
    return Replay(prediction_id, recorded, recomputed)


def shot_question(text: str) -> ShotQuestion:
    """Return the question about a shot that is logged as JSON; raise TypeError or ValueError where it is none."""
    values: dict[str, Any] = json.loads(text)
    if values.get("so_far") is not None:
        values["so_far"] = GameSoFar(**values["so_far"])
    if values.get("event") is not None:
        values["event"] = ShotEvent(**_dated(values["event"]))
    return ShotQuestion(**values)


def game_question(text: str) -> GameQuestion:
    """Return the question about a game that is logged as JSON; raise TypeError or ValueError where it is none."""
    return GameQuestion(**_dated(json.loads(text)))


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    date = values.get("game_date")
    return values if date is None else values | {"game_date": dt.date.fromisoformat(date)}
