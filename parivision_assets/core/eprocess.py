"""Evidence that may be looked at every night: an e-process for "the challenger is no better on average".

For game g let `gain` be the champion's mean log loss minus the challenger's, and `tail` how far below zero one
share of its fate can throw it (`tail_scale`). For a stake s with s * tail <= 0.85 in every game so far,

    E_t(s) = exp( s * sum gain - sum psi(s, tail) * gain^2 ),   psi(s, c) = (-log(1 - s c) - s c) / c^2

Where a game is one row, tail is the most that row can cost, known from the two predictions, and the theory is
exact: exp(s x - psi(s, c) x^2) <= 1 + s x for x >= -c (Fan, Grama & Liu 2015, Lemma 4.1), hence E_t is at most a
nonnegative supermartingale from 1 whenever the mean expected gain up to t is <= 0 (the empirical-Bernstein
construction of Howard, Ramdas, McAuliffe & Sekhon 2021, Annals of Statistics 49, Theorem 4; shown to be an
e-process for this weak null by Choe & Ramdas 2024, Operations Research 72, "Comparing Sequential Forecasters").
Means and variances may differ from game to game and depend on the past. So is the mixture over stakes, and by
Ville's inequality the chance that it ever reaches 1/alpha while the challenger is no better is <= alpha.

A game of 175 shots could be treated likewise with tail = the sum of all its worst cases, but that allows for
all shots failing together, costs four times the games and defends against nothing that happens. A mean of
many shares is nearly symmetric, and for symmetric gains psi(s, 0) = s^2/2 suffices (de la Pena 1999); the cubic
term s^3 c / 3 of psi then has to pay for skewness, at most one share's worst case, and for means that wander
with the variance. A share is at most SHARE_ROWS shots. Tests simulate what would break it: hot games, gains
skewed to the left, variances that differ a hundredfold, means that offset one another.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from parivision_assets.core.evaluation import Codes, Floats

STAKES: Floats = 2.0 ** np.arange(-6, 7.5, 0.5)
"""The mixture's stakes per nat, equally weighted: from what clipping always allows to models a hair apart."""
STAKE_LIMIT = 0.85
"""Largest stake times tail; towards 1 the penalty psi grows without bound and buys nothing."""
SHARE_ROWS = 25
"""Rows of one game whose outcomes are allowed to fail together: more than any player takes in most games."""


def tail_scale(worst: Floats, rows: Codes) -> Floats:
    """Return the tail of each game's gain in nats, (games,).

    `worst` is the mean over the game's rows of the most the challenger could lose to the champion, `rows`
    their number. With up to SHARE_ROWS rows it is `worst` itself, the exact bound.
    """
    scale: Floats = worst * np.minimum(1.0, SHARE_ROWS / np.maximum(rows, 1))
    return scale


def log_e_values(gain: Floats, tail: Floats) -> Floats:
    """Return the log e-value after each game, same shape (..., games) as `gain` and `tail`, in date order.

    Large values speak for a positive mean gain. Raises ValueError for unequal shapes or values not finite.
    """
    if gain.shape != tail.shape:
        raise ValueError(f"gain has shape {gain.shape} and tail {tail.shape}; they must be the same games")
    if not bool(np.all(np.isfinite(gain) & np.isfinite(tail) & (tail >= 0))):
        raise ValueError("every game needs a finite gain and a finite tail that is not negative")
    so_far = np.maximum.accumulate(tail, axis=-1)
    mixed: Floats = np.full(gain.shape, -np.inf)
    for stake in STAKES:
        path = np.cumsum(stake * gain - _penalty(float(stake), tail) * gain**2, axis=-1)
        path[stake * so_far > STAKE_LIMIT] = -np.inf
        np.logaddexp(mixed, path, out=mixed)
    return mixed - math.log(len(STAKES))


def season_level(alpha: float, number: int) -> float:
    """Return the error level of a season's comparison `number` (from 1); over all numbers they sum to alpha.

    alpha * 6 / (pi * number)^2: no number of comparisons has to be declared in advance (Basel series).
    """
    if number < 1:
        raise ValueError(f"a season's comparisons are counted from 1, not {number}")
    return alpha * 6.0 / (math.pi * number) ** 2


def power(games: int, effect: float, sd: float, tail: float, level: float) -> float:
    """Return the chance that `games` games show a true mean gain of `effect` nats at error `level`.

    `sd` is the standard deviation of a game's gain and `tail` the largest tail so far, both in nats.
    Normal approximation of the best stake's log e-value, guards other than the evidence left out.
    """
    if games < 1:
        return 0.0
    best = 0.0
    for stake, growth in _growth(effect, sd, tail):
        margin = games * growth - _needed(level)
        best = max(best, float(norm.cdf(margin / max(stake * sd * math.sqrt(games), 1e-12))))
    return best


def games_for_power(target: float, effect: float, sd: float, tail: float, level: float) -> int | None:
    """Return the fewest games whose `power` is `target` (at least 0.5); None when no number suffices."""
    z = float(norm.ppf(target))
    roots = [
        (z * stake * sd + math.sqrt((z * stake * sd) ** 2 + 4 * growth * _needed(level))) / (2 * growth)
        for stake, growth in _growth(effect, sd, tail)
        if growth > 0
    ]
    return math.ceil(min(roots) ** 2) if roots else None


def _needed(level: float) -> float:
    return math.log(1 / level) + math.log(len(STAKES))


def _growth(effect: float, sd: float, tail: float) -> list[tuple[float, float]]:
    """Return (stake, expected growth of the log e-value per game) for the stakes that `tail` allows."""
    usable = [float(stake) for stake in STAKES if stake * tail <= STAKE_LIMIT]
    second = sd**2 + effect**2
    bound = np.array(tail)
    return [(stake, stake * effect - float(_penalty(stake, bound)) * second) for stake in usable]


def _penalty(stake: float, tail: Floats) -> Floats:
    """Return psi(stake, tail), by its series where stake * tail is tiny; capped where the stake is unusable."""
    share = np.minimum(stake * tail, STAKE_LIMIT)
    small = share < 1e-4
    safe = np.where(small, 1.0, share)
    exact = (-np.log1p(-np.where(small, 0.5, share)) - safe) / safe**2
    scaled: Floats = np.where(small, 0.5 + share / 3, exact)
    return stake**2 * scaled
