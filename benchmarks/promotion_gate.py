"""False promotions and power of the gate, shot by shot: `python benchmarks/promotion_gate.py [seasons]`.

A season has 160 nights of seven games of 175 shots. Every 20 nights a new challenger supersedes the one in shadow, and
each is looked at every night at its own pair's level; none is better than the champion it meets. Guards besides the
evidence (accuracy, calibration, slices) are left out: they can only lower the number of promotions. The second table
says after how many games a challenger that is better is promoted.
"""

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy.stats import beta

from parivision_assets.core import eprocess
from parivision_assets_tests.core.season_of_looks import Season, World, false_promotions, pair_games

WORLDS = {
    "equal": World(),
    "equal, nearly the same model": World(apart=0.03),
    "equal, far apart": World(apart=0.4),
    "equal, hot games": World(hot=0.3),
    "equal, always higher, hot games": World(apart=0.02, bias=0.2, hot=0.3),
    "equal, unequal variances": World(uneven=1.0),
    "worse by 0.0002 nats": World(worse=0.0002),
    "worse by 0.001 nats, hot games": World(worse=0.001, hot=0.3),
}
NUMBER = 2
"""The pair whose level the power is for: the first of a season that follows the champion's own."""
ODDS_VARIANCE = 0.24
"""p (1 - p) of a shot: a champion that errs by d log-odds loses about half of this times d squared."""


def clopper_pearson(hits: int, runs: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share."""
    low = float(beta.ppf(0.025, hits, runs - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(0.975, hits + 1, runs - hits)) if hits < runs else 1.0


def games_until_shown(seed: int, gain: float, season: Season) -> int | None:
    """Return after how many games a challenger that is better by `gain` nats is shown to be, looking every night."""
    world = World(apart=math.sqrt(2 * gain / ODDS_VARIANCE))
    games = season.nights * season.games_a_night
    found, tail = pair_games(np.random.default_rng(seed), world, games, season.shots, gain)
    nightly = eprocess.log_e_values(found, tail)[season.games_a_night - 1 :: season.games_a_night]
    shown = np.flatnonzero(nightly >= -math.log(eprocess.season_level(season.alpha, NUMBER)))
    return (int(shown[0]) + 1) * season.games_a_night if len(shown) else None


def main() -> None:
    """Print both tables."""
    seasons, season = int(sys.argv[1]) if len(sys.argv) > 1 else 400, Season()
    challengers = math.ceil(season.nights / season.reign_nights)
    print("| challengers | seasons | challengers a season | looks | seasons with a false promotion | level | 95 % |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    with ProcessPoolExecutor(2) as pool:
        for name, world in WORLDS.items():
            found = list(pool.map(partial(false_promotions, world=world, season=season), range(seasons)))
            fooled, looks = sum(hits > 0 for hits, _ in found), sum(count for _, count in found)
            low, high = clopper_pearson(fooled, seasons)
            print(
                f"| {name} | {seasons} | {challengers} | {looks:,} | {fooled} | {season.alpha} | {low:.4f}-{high:.4f} |"
            )
        print("\n| better by (nats) | seasons | shown | games until shown: median | 90 % within |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for gain in (0.002, 0.003, 0.005, 0.008):
            runs = min(seasons, 100)
            until = list(pool.map(partial(games_until_shown, gain=gain, season=season), range(runs)))
            games = [math.inf if count is None else count for count in until]
            middle, most = np.quantile(games, [0.5, 0.9], method="higher")
            print(f"| {gain} | {runs} | {sum(map(math.isfinite, games))} | {middle:.0f} | {most:.0f} |")


if __name__ == "__main__":
    main()
