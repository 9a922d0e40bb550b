"""Which seasons a model is trained on, and which games are held out while it is being made."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Folds = npt.NDArray[np.int64]


def walk_forward(test_season: int, seasons_available: Iterable[int], newest_n: int = 5) -> tuple[int, ...]:
    """Return the newest seasons before `test_season`, oldest first; raise ValueError when there is none.

    A season that is missing is skipped, not counted.
    """
    if newest_n < 1:
        raise ValueError(f"newest_n is {newest_n}: at least one training season is needed")
    available = sorted({season for season in seasons_available if season < test_season})
    if not available:
        raise ValueError(f"no season before {test_season} is available: add one to train on")
    return tuple(available[-newest_n:])


def group_folds(groups: npt.NDArray[np.object_] | npt.NDArray[np.int64], folds: int, seed: int) -> Folds:
    """Return a fold number per row, whole groups together, folds of nearly equal numbers of groups.

    Which fold a group falls in depends on the seed and on the set of groups, not on the order of rows.
    """
    unique, position = np.unique(groups, return_inverse=True)
    if folds < 2:
        raise ValueError(f"{folds} fold(s): at least two are needed to predict out of fold")
    if len(unique) < folds:
        raise ValueError(f"{len(unique)} game(s) cannot be split into {folds} folds: train on more games")
    order = np.random.default_rng(seed).permutation(len(unique))
    numbers = np.empty(len(unique), dtype=np.int64)
    numbers[order] = np.arange(len(unique)) % folds
    return np.asarray(numbers[position], dtype=np.int64)
