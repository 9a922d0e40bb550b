"""Whole seasons of nightly looks, simulated: challengers that are no better, superseding one another.

A night is a night of the platform: the newest challenger's evidence so far is weighed at its pair's level, a promoted
one becomes champion, and every so often a new challenger takes the place of the one in shadow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parivision_assets.core import eprocess

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """How shots fall and how models differ, in log-odds.

    `apart` is the spread of a challenger's disagreement with the champion, `worse` what it loses per shot in nats
    beyond the champion, `hot` the spread of a whole game's luck, and `uneven` how much more (in powers of e) models
    disagree in some games than in others.
    """

    apart: float = 0.15
    worse: float = 0.0
    hot: float = 0.0
    uneven: float = 0.0
    bias: float = 0.0


@dataclass(frozen=True)
class Season:
    """Its size, and after how many nights a challenger is superseded."""

    nights: int = 160
    games_a_night: int = 7
    shots: int = 175
    reign_nights: int = 20
    alpha: float = 0.05


def pair_games(rng: np.random.Generator, world: World, games: int, shots: int, gain: float) -> tuple[Vector, Vector]:
    """Return each game's gain and tail for a challenger whose expected gain per shot is `gain` nats."""
    size = (games, shots)
    champion = rng.normal(-0.15, 0.55, size)
    spread = world.apart * np.exp(world.uneven * rng.standard_normal((games, 1)))
    challenger = champion + world.bias + spread * rng.standard_normal(size)
    win = np.log1p(np.exp(-champion)) - np.log1p(np.exp(-challenger))
    lose = np.log1p(np.exp(champion)) - np.log1p(np.exp(challenger))
    apart = np.where(win == lose, 1.0, win - lose)
    # The chance at which the challenger's expected gain is just `gain`, wherever such a chance exists.
    chance = np.clip((gain - lose) / apart, 0.02, 0.98)
    if world.hot:
        chance = 1 / (1 + (1 - chance) / chance * np.exp(-rng.normal(0, world.hot, (games, 1))))
    found = np.where(rng.random(size) < chance, win, lose).mean(axis=1)
    return found, eprocess.tail_scale(np.maximum(-win, -lose).mean(axis=1), np.full(games, shots))


def false_promotions(seed: int, world: World, season: Season) -> tuple[int, int]:
    """Return (false promotions, looks) of one season: no challenger is better than the champion it meets."""
    rng = np.random.default_rng(seed)
    promoted = looks = 0
    for number, first in enumerate(range(0, season.nights, season.reign_nights), start=1):
        nights = min(season.reign_nights, season.nights - first)
        gain, tail = pair_games(rng, world, nights * season.games_a_night, season.shots, -world.worse)
        needed = -math.log(eprocess.season_level(season.alpha, number))
        path = eprocess.log_e_values(gain, tail)[season.games_a_night - 1 :: season.games_a_night]
        # Once promoted a challenger is champion: what follows are looks at the next one.
        shown = np.flatnonzero(path >= needed)
        promoted += int(len(shown) > 0)
        looks += int(shown[0]) + 1 if len(shown) else nights
    return promoted, looks
