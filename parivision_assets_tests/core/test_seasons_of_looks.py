"""False promotions over whole seasons of nightly looks stay below the stated level; better challengers get through.

`benchmarks/promotion_gate.py` is the same with seasons of full size.
"""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom

from parivision_assets.core import eprocess
from parivision_assets_tests.core.season_of_looks import Season, World, false_promotions, pair_games

SEASONS = 120
SMALL = Season(nights=60, games_a_night=5, shots=60, reign_nights=12)
WORLDS = {
    "equal": World(),
    "hot games": World(hot=0.3),
    "always higher, hot games": World(apart=0.02, bias=0.2, hot=0.3),
    "unequal variances": World(apart=0.3, uneven=1.0),
    "slightly worse": World(worse=0.0003),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_seasons_with_a_false_promotion_stay_below_the_stated_level(world: World) -> None:
    fooled = sum(false_promotions(seed, world, SMALL)[0] > 0 for seed in range(SEASONS))
    # More than this many happen once in a thousand times at exactly the stated level.
    assert fooled <= binom.ppf(0.999, SEASONS, SMALL.alpha)


def test_the_simulated_challengers_are_as_good_as_they_are_said_to_be() -> None:
    rng = np.random.default_rng(1)
    for gain in (-0.002, 0.0, 0.004):
        found, _ = pair_games(rng, World(apart=0.3), 3_000, 60, gain)
        assert abs(found.mean() - gain) < 4 * found.std() / math.sqrt(len(found))


def test_the_simulation_would_find_looks_that_cost_something() -> None:
    """The same nights judged by a plain z-test at the same level are fooled far more often."""
    fooled = 0
    for seed in range(SEASONS):
        gain, _ = pair_games(np.random.default_rng(seed), World(), 300, SMALL.shots, 0.0)
        count = np.arange(1, 301)
        spread = np.sqrt(np.maximum(np.cumsum(gain**2) / count - (np.cumsum(gain) / count) ** 2, 1e-12) / count)
        fooled += bool((np.cumsum(gain) / count / spread)[29::5].max() > 1.645)
    assert fooled > binom.ppf(0.999, SEASONS, SMALL.alpha)


@pytest.mark.parametrize(("gain", "games"), [(0.003, 330), (0.005, 190)])
def test_a_better_challenger_is_shown_within_weeks(gain: float, games: int) -> None:
    """Half of the challengers better by this much, in games of 175 shots, at the level of a season's second pair."""
    season = dataclasses.replace(SMALL, shots=175)
    world = World(apart=math.sqrt(2 * gain / 0.24))
    needed = -math.log(eprocess.season_level(season.alpha, 2))
    shown = []
    for seed in range(30):
        found, tail = pair_games(np.random.default_rng(seed), world, games, season.shots, gain)
        shown.append(bool((eprocess.log_e_values(found, tail) >= needed).any()))
    assert np.mean(shown) >= 0.5
