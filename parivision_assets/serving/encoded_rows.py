"""From the values of one row's features to what a model reads, and which contexts are withheld."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from parivision_assets.core.encoding import Encoder
from parivision_assets.serving.row_arithmetic import single


@dataclass(frozen=True)
class RowEncoder:
    """`Encoder.matrix` for one row, as bytes: little-endian float32 in the order of the encoder's names."""

    places: tuple[int, ...]
    """Where each of the encoder's columns is among the features."""
    vocabularies: tuple[tuple[int, Mapping[str, float]], ...]
    """By place among the encoder's columns, the codes of a category."""
    contexts: tuple[tuple[int, ...], ...]
    """Per optional context, its columns."""
    form: struct.Struct

    @classmethod
    def of(cls, encoder: Encoder, features: Sequence[str]) -> RowEncoder:
        """Return the encoder of rows of these features; raise ValueError for a column that is none of them."""
        places = tuple(features.index(name) for name in encoder.names)
        words = tuple(
            (place, encoder.vocabularies[name])
            for place, name in enumerate(encoder.names)
            if name in encoder.vocabularies
        )
        contexts = tuple(
            tuple(place for place, held in enumerate(encoder.contexts) if held == context)
            for context in encoder.optional_contexts
        )
        return cls(places, words, contexts, struct.Struct(f"<{len(places)}f"))

    def encode(self, values: list[Any]) -> tuple[bytes, int]:
        """Return a row from its features' values (None: missing), and its set of withheld contexts (Calibration)."""
        row = [values[place] for place in self.places]
        for place, codes in self.vocabularies:
            row[place] = codes.get(row[place])
        nan = math.nan
        row = [nan if value is None else value for value in row]
        try:
            data = self.form.pack(*row)
        except OverflowError:
            row = _finite(row)
            data = self.form.pack(*row)
        if math.inf in row or -math.inf in row:
            row = _finite(row)
            data = self.form.pack(*row)
        number = 0
        for bit, columns in enumerate(self.contexts):
            # Only not-a-number differs from itself.
            if all(row[column] != row[column] for column in columns):
                number |= 1 << bit
        return data, number


def _finite(row: list[float]) -> list[float]:
    """Return a row in which what is infinite as Float32 is missing."""
    return [value if math.isfinite(single(value)) else math.nan for value in row]
