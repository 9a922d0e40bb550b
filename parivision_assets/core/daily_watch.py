"""The daily, cheap monitoring of one champion: its relation and its inputs, day by day, and the verdict tonight.

The bets on the relation are `core.monitor`'s, the distances of inputs `core.input_shift`'s; the full report is
`core.drift_report`'s, which says the same of the same days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import polars as pl

from parivision_assets.core import input_shift
from parivision_assets.core.drift import InputAnswer, verdict_of
from parivision_assets.core.monitor import LIMITS, Monitor, observe, relation, start
from parivision_assets.core.reference import Reference


@dataclass(frozen=True)
class DailyWatch:
    """What is remembered of a champion's days: the monitor of its relation, and the newest days' inputs."""

    monitor: Monitor
    reference: Reference | None
    recent: tuple[input_shift.Counts, ...] = ()

    @classmethod
    def begin(cls, target_name: str, champion: str, reference: Reference | None) -> Self:
        """Return a watch that has seen nothing; None for a champion that has no recorded reference."""
        return cls(start(target_name, champion, learnt=reference.learnt if reference else None), reference)

    def meet(self, events: pl.DataFrame) -> Self:
        """Return the watch after a day's events, labelled or not: `game` and the watched inputs."""
        window = LIMITS[self.monitor.target].window_game_days
        counted = input_shift.count(self.monitor.target, events)
        return replace(self, recent=(*self.recent, counted)[-window:])

    def settle(self, day: dt.date, rows: pl.DataFrame) -> Self:
        """Return the watch after a day's outcomes, see `core.monitor.observe`."""
        return replace(self, monitor=observe(self.monitor, day, rows))

    def verdict(self, *, is_broken: bool = False) -> str:
        """Return tonight's verdict, in the words of a report."""
        moved = inputs_answer(self.monitor.target, self.reference, self.recent).moved
        return verdict_of(is_broken=is_broken, input_moved=moved, relation_moved=relation(self.monitor).moved)

    def to_dict(self) -> dict[str, Any]:
        """Return the watch ready for JSON, without the reference, which is the champion's."""
        return {"monitor": self.monitor.to_dict(), "recent": [counts.to_dict() for counts in self.recent]}

    @classmethod
    def from_dict(cls, values: dict[str, Any], reference: Reference | None) -> Self:
        """Return the watch from `to_dict`'s output."""
        recent = tuple(input_shift.Counts.from_dict(counts) for counts in values["recent"])
        return cls(Monitor.from_dict(values["monitor"]), reference, recent)


def inputs_answer(target_name: str, reference: Reference | None, days: Sequence[input_shift.Counts]) -> InputAnswer:
    """Return whether the inputs of these game days moved from what the champion learnt.

    Fewer than half of the monitoring's window are too few: who plays whom would pass for a change.
    """
    least = LIMITS[target_name].window_game_days // 2
    if len(days) < least:
        return InputAnswer(False, (), f"{len(days)} game day(s) so far; inputs are compared from {least} on")
    return input_shift.compare(reference.inputs if reference else None, input_shift.add(target_name, days))
