"""False promotions and power of the gate, shot by shot: `python benchmarks/promotion_gate.py [seasons]`.

Each season has 1,230 games of 175 shots and five challengers, looked at after every game (more often than any
night). Prints the share of seasons with a false promotion (stated level 0.05) and how many games it takes to
show a true improvement.
"""

import math
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from parivision_assets.core import eprocess

GAMES, SHOTS, CHALLENGERS = 1_230, 175, 5


def one_comparison(rng, disagreement, *, better, hot=0.0, bias=0.0):
    champion = rng.normal(-0.15, 0.55, (GAMES, SHOTS)).astype(np.float32)
    challenger = champion + bias + disagreement * rng.standard_normal((GAMES, SHOTS), dtype=np.float32)
    win = np.log1p(np.exp(-champion)) - np.log1p(np.exp(-challenger))
    lose = np.log1p(np.exp(champion)) - np.log1p(np.exp(challenger))
    apart = np.where(win == lose, 1.0, win - lose)
    truth = 1 / (1 + np.exp(-challenger)) if better else np.clip(-lose / apart, 0.001, 0.999)
    if hot:
        truth = 1 / (1 + (1 - truth) / truth * np.exp(-rng.normal(0, hot, (GAMES, 1))))
    gain = np.where(rng.random((GAMES, SHOTS)) < truth, win, lose).mean(axis=1).astype(float)
    tail = eprocess.tail_scale(np.maximum(-win, -lose).mean(axis=1).astype(float), np.full(GAMES, SHOTS))
    return gain, eprocess.log_e_values(gain, tail)


def is_season_fooled(seed, **world):
    rng = np.random.default_rng(seed)
    paths = [one_comparison(rng, better=False, **world)[1].max() for _ in range(CHALLENGERS)]
    return any(path >= -math.log(eprocess.season_level(0.05, number)) for number, path in enumerate(paths, start=1))


def games_until_shown(seed, disagreement):
    gain, path = one_comparison(np.random.default_rng(seed), disagreement, better=True)
    shown = path >= -math.log(eprocess.season_level(0.05, 3))
    return gain.mean(), int(shown.argmax()) + 1 if shown.any() else None


def main():
    seasons = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    worlds = {
        "equal, 0.2 logits apart": {"disagreement": 0.2},
        "equal, 0.05 logits apart": {"disagreement": 0.05},
        "equal, hot games of 0.3 logits": {"disagreement": 0.2, "hot": 0.3},
        "equal, always higher, hot games": {"disagreement": 0.02, "bias": 0.2, "hot": 0.3},
    }
    with ProcessPoolExecutor(2) as pool:
        for name, world in worlds.items():
            fooled = sum(pool.map(partial(is_season_fooled, **world), range(seasons)))
            print(f"{name}: {fooled} of {seasons} seasons with a false promotion (stated level 0.05)")
        for disagreement in (0.21, 0.13, 0.1, 0.05):
            found = list(pool.map(partial(games_until_shown, disagreement=disagreement), range(40)))
            shown = [games for _, games in found if games is not None]
            gain = np.mean([gain for gain, _ in found])
            middle = f"median {np.median(shown):.0f}, slowest {max(shown)} games" if shown else "never"
            print(f"better by {gain:.4f} nats: shown in {len(shown)} of 40 seasons, {middle}")


if __name__ == "__main__":
    main()
