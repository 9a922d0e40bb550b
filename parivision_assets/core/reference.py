"""What monitoring compares a champion's days with: kept with the model when it is trained, so that it never changes.

How the relation is watched is `core.monitor`, how the inputs are `core.input_shift`; this is what both need to know
of the rows that the model learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from parivision_assets.core import input_shift
from parivision_assets.core.monitor import learnt_values
from parivision_assets.core.targets import Target


@dataclass(frozen=True)
class Reference:
    """The values of watched categories that a model met in training, and its newest season's inputs."""

    learnt: dict[str, tuple[str, ...]]
    inputs: input_shift.Counts

    @classmethod
    def of(cls, target: Target, training: pl.DataFrame) -> Self:
        """Return the reference of a model trained on these feature rows.

        The newest season is what the next days are like; where it has only begun, the one before counts too.
        """
        rows = training.with_columns(pl.col(target.group).cast(pl.String).alias("game"))
        seasons = rows["season"].unique().sort()
        newest = rows.filter(pl.col("season") == seasons[-1])
        if len(seasons) > 1 and newest["game"].n_unique() < rows["game"].n_unique() / (2 * len(seasons)):
            newest = rows.filter(pl.col("season") >= seasons[-2])
        return cls(learnt_values(target.name, rows), input_shift.count(target.name, newest))

    def to_dict(self) -> dict[str, Any]:
        """Return the reference ready for JSON."""
        learnt = {name: list(values) for name, values in self.learnt.items()}
        return {"learnt": learnt, "inputs": self.inputs.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the reference from `to_dict`'s output."""
        learnt = {name: tuple(found) for name, found in values["learnt"].items()}
        return cls(learnt, input_shift.Counts.from_dict(values["inputs"]))
