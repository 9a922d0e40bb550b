"""What a feature is, and the table contract that follows from a list of features.

The features of shots and games are declared in `shot_features` and `game_features`; this module knows neither
of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from parivision_assets.core.contracts import Column, KnownAt, Table


@dataclass(frozen=True)
class Feature:
    """One input of a model: what it means, when it is known, and how it is computed from a context row.

    `context` names a group of inputs that a caller gives or withholds as a whole (`location`, `shooter`, …).
    A feature whose dtype is String is a category; models encode it by a vocabulary learnt in training.
    """

    name: str
    description: str
    unit: str
    known_at: KnownAt
    context: str
    expr: pl.Expr = field(compare=False, repr=False)
    dtype: type[pl.DataType] = pl.Float32
    minimum: float | None = None
    maximum: float | None = None
    also_needs: tuple[str, ...] = ()
    """Other contexts without which the feature has no value."""

    @property
    def is_category(self) -> bool:
        """Return whether the feature holds words rather than numbers."""
        return self.dtype == pl.String

    def column(self) -> Column:
        """Return the contract of the feature's column; every feature may be missing."""
        return Column(
            self.name, self.dtype, self.description, self.known_at, self.unit, self.minimum, self.maximum,
            nullable=True,
        )  # fmt: skip


def feature_table(
    name: str, description: str, ids: Iterable[Column], features: Iterable[Feature], key: tuple[str, ...]
) -> Table:
    """Return the contract of a feature table: its id and label columns, then one column per feature."""
    columns = (*ids, *(feature.column() for feature in features))
    return Table(name=name, description=description, columns=columns, key=key)


def select_features(context: pl.DataFrame, features: Sequence[Feature], keep: Sequence[str]) -> pl.DataFrame:
    """Return the kept columns and one column per feature, in order, computed row by row from `context`.

    Not-a-number and infinite values become missing, so that a model meets one kind of absence.
    """
    expressions = [_finite(feature).alias(feature.name) for feature in features]
    return context.select([pl.col(name) for name in keep] + expressions)


def _finite(feature: Feature) -> pl.Expr:
    value = feature.expr.cast(feature.dtype)
    if feature.is_category:
        return value
    return pl.when(value.is_finite()).then(value)
