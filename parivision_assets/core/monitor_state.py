"""What the daily watch of a relation remembers of a champion, and its form as JSON. Its use is in `core.monitor`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from parivision_assets.core.evaluation import Floats

HALF_LIVES = (6.0, 30.0)
"""Memories of the corrections, in game days."""


@dataclass(frozen=True)
class DayGain:
    """One column's day, gains in nats: `standing` is that of the correction by the days before the window.

    The last three are sums over games of gain^2, gain * rows and rows^2; `unlearnt` counts rows.
    """

    day: dt.date
    rows: int
    games: int
    gain: float
    standing: float
    unlearnt: int
    gain_gain: float
    gain_rows: float
    rows_rows: float


@dataclass(frozen=True, eq=False)
class ColumnState:
    """What is remembered of one column; arrays are never changed in place.

    `residual` and `information` are the discounted sums S and V, shape (half-lives, groups); `before` the sums of
    y - p and p (1 - p) over the days before the window, (2, groups), and `window` those of each of its days. `record`
    holds the experts' discounted gains, no correction first; `log_wealth` is summed over start days so far, None
    before the first; `run` is the gain beyond what is tolerated of the best segment ending today, from `run_start` on;
    `unlearnt_since` is set while the window holds too many values that the champion never met.
    """

    groups: tuple[str, ...]
    residual: Floats
    information: Floats
    before: Floats
    window: tuple[Floats, ...]
    record: Floats
    log_wealth: float | None
    run: float
    run_start: dt.date | None
    unlearnt_since: dt.date | None
    recent: tuple[DayGain, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the state ready for JSON, floats in full."""
        return {
            "groups": list(self.groups), "residual": self.residual.tolist(), "information": self.information.tolist(),
            "before": self.before.tolist(), "window": [day.tolist() for day in self.window],
            "record": self.record.tolist(), "log_wealth": self.log_wealth, "run": self.run,
            "run_start": _text(self.run_start), "unlearnt_since": _text(self.unlearnt_since),
            "recent": [[day.day.isoformat(), *list(vars(day).values())[1:]] for day in self.recent],
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the state from `to_dict`'s output."""
        shape = (len(HALF_LIVES), len(values["groups"]))
        return cls(
            tuple(values["groups"]),
            np.array(values["residual"], dtype=np.float64).reshape(shape),
            np.array(values["information"], dtype=np.float64).reshape(shape),
            np.array(values["before"], dtype=np.float64).reshape(2, shape[1]),
            tuple(np.array(day, dtype=np.float64).reshape(2, -1) for day in values["window"]),
            np.array(values["record"], dtype=np.float64),
            values["log_wealth"], values["run"],
            _date(values["run_start"]), _date(values["unlearnt_since"]),
            tuple(DayGain(dt.date.fromisoformat(day), *rest) for day, *rest in values["recent"]),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Monitor:
    """What is remembered of one target's champion: everything that later days and answers need."""

    target: str
    champion: str
    learnt: dict[str, tuple[str, ...]]
    last_day: dt.date | None
    game_days: int
    rows: int
    columns: dict[str, ColumnState]

    def to_dict(self) -> dict[str, Any]:
        """Return the monitor ready for JSON; `from_dict` gives the same bits back."""
        return {
            "target": self.target, "champion": self.champion,
            "learnt": {name: list(values) for name, values in self.learnt.items()},
            "last_day": _text(self.last_day),
            "game_days": self.game_days, "rows": self.rows,
            "columns": {name: state.to_dict() for name, state in self.columns.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the monitor from `to_dict`'s output."""
        columns = {name: ColumnState.from_dict(state) for name, state in values["columns"].items()}
        last_day = _date(values["last_day"])
        learnt = {name: tuple(known) for name, known in values["learnt"].items()}
        return cls(**{**values, "learnt": learnt, "last_day": last_day, "columns": columns})


def _text(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
