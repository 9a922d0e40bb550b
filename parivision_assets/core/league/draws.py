"""Random numbers that are the same on every machine: named streams of uniforms, and normals read from a table.

Only PCG64's uniforms are used, since they are exact; a normal is looked up in a table of rounded quantiles, so no
platform's exp or log can change it.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_QUANTILES = 8192


def floats(values: npt.ArrayLike) -> Floats:
    """Return values as an array of floats."""
    return np.asarray(values, dtype=np.float64)


def ints(values: npt.ArrayLike) -> Ints:
    """Return whole values as an array of integers."""
    return np.asarray(values, dtype=np.int64)


@lru_cache(maxsize=1)
def _normal_table() -> Floats:
    normal = NormalDist()
    return np.array([round(normal.inv_cdf((i + 0.5) / _QUANTILES), 6) for i in range(_QUANTILES)])


class Stream:
    """An independent stream named by a seed, a purpose and a number (usually the season)."""

    def __init__(self, seed: int, purpose: str, number: int = 0) -> None:
        """Open the stream at its beginning."""
        entropy = np.random.SeedSequence([seed, crc32(purpose.encode()), number])
        self._generator = np.random.Generator(np.random.PCG64(entropy))

    def uniform(self, *shape: int) -> Floats:
        """Return uniforms in [0, 1) of the given shape."""
        return self._generator.random(shape)

    def normal(self, *shape: int) -> Floats:
        """Return standard normals, quantised to 8,192 levels within ±3.9."""
        table = _normal_table()
        return table[(self._generator.random(shape) * _QUANTILES).astype(np.int64)]

    def pick(self, cumulative: Floats, rows: Ints) -> Ints:
        """Return one category per row; `cumulative` holds each row index's running shares, the last being 1."""
        draws = self._generator.random(len(rows))
        return ints((cumulative[rows] <= draws[:, None]).sum(axis=1).clip(max=cumulative.shape[1] - 1))


def running_shares(weights: Floats) -> Floats:
    """Return cumulative shares along the last axis, rounded so that no summation order can change a draw."""
    totals = weights.sum(axis=-1, keepdims=True)
    shares = np.round(np.cumsum(weights / totals, axis=-1), 9)
    shares[..., -1] = 1.0
    return shares


def sigmoid(logit: Floats) -> Floats:
    """Return the probability of a logit, rounded to 1e-9 so that platforms agree on every draw."""
    return np.round(1.0 / (1.0 + np.exp(-logit)), 9)
