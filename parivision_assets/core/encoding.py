"""From a feature table to the matrix that models read: vocabularies, missing values, withheld contexts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.features import Feature

Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MIN_CATEGORY_ROWS = 50
"""A category seen less often than this in training is treated as unseen."""

CATEGORY_STRENGTH = 20.0
"""Category codes are make rates pulled to the mean as if this many average rows had been seen."""


@dataclass(frozen=True)
class Encoder:
    """Which columns make up the matrix, in order, and what each category's code is."""

    names: tuple[str, ...]
    contexts: tuple[str, ...]
    """The context of each column."""
    vocabularies: Mapping[str, Mapping[str, float]]
    always: str
    """The context that is always given."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By column, the other contexts without which it has no value."""

    @classmethod
    def fit(cls, features: Sequence[Feature], frame: pl.DataFrame, label: str, always: str) -> Encoder:
        """Learn each category's code, its smoothed label rate in `frame`: ordered, so that trees can split it."""
        vocabularies = {
            feature.name: _vocabulary(frame, feature.name, label) for feature in features if feature.is_category
        }
        names = tuple(feature.name for feature in features)
        needs = {feature.name: feature.also_needs for feature in features if feature.also_needs}
        return cls(names, tuple(feature.context for feature in features), vocabularies, always, needs)

    @property
    def optional_contexts(self) -> tuple[str, ...]:
        """Return the contexts that may be withheld, in order of first appearance."""
        return tuple(dict.fromkeys(name for name in self.contexts if name != self.always))

    def matrix(self, frame: pl.DataFrame) -> Matrix:
        """Return rows by columns as float32; absent columns, nulls and unseen categories are NaN."""
        columns = [self._column(frame, name) for name in self.names]
        return np.ascontiguousarray(frame.select(columns).to_numpy().astype(np.float32, copy=False))

    def withheld(self, matrix: Matrix) -> Mask:
        """Return, per row and optional context, whether every value of that context is missing."""
        groups = [self._columns_of(context) for context in self.optional_contexts]
        masks = [np.isnan(matrix[:, group]).all(axis=1) for group in groups]
        return np.stack(masks, axis=1) if masks else np.zeros((len(matrix), 0), dtype=bool)

    def withhold(self, matrix: Matrix, mask: Mask) -> Matrix:
        """Return a copy with the masked contexts' values missing; `mask` is rows by optional contexts."""
        masked = matrix.copy()
        for position, context in enumerate(self.optional_contexts):
            rows = np.flatnonzero(mask[:, position])
            masked[rows[:, None], self._columns_of(context) + self._columns_needing(context)] = np.nan
        return masked

    def _columns_of(self, context: str) -> list[int]:
        return [index for index, name in enumerate(self.contexts) if name == context]

    def _columns_needing(self, context: str) -> list[int]:
        return [index for index, name in enumerate(self.names) if context in self.needs.get(name, ())]

    def _column(self, frame: pl.DataFrame, name: str) -> pl.Expr:
        if name not in frame.columns:
            return pl.lit(None, pl.Float32).alias(name)
        if name in self.vocabularies:
            codes = pl.col(name).replace_strict(dict(self.vocabularies[name]), default=None, return_dtype=pl.Float64)
            return codes.cast(pl.Float32).fill_null(float("nan")).alias(name)
        return pl.col(name).cast(pl.Float32).fill_null(float("nan")).alias(name)


def _vocabulary(frame: pl.DataFrame, name: str, label: str) -> dict[str, float]:
    mean = float(frame[label].cast(pl.Float64).to_numpy().mean())
    counts = (
        frame.filter(pl.col(name).is_not_null())
        .group_by(name)
        .agg(pl.len().alias("rows"), pl.col(label).cast(pl.Int64).sum().alias("positives"))
        .filter(pl.col("rows") >= MIN_CATEGORY_ROWS)
        .sort(name)
    )
    return {
        str(category): (positives + CATEGORY_STRENGTH * mean) / (rows + CATEGORY_STRENGTH)
        for category, rows, positives in counts.iter_rows()
    }
