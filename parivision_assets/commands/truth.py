"""A synthetic league's true probabilities beside feature rows: for regret and optimum, never for a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.league import League
from parivision_assets.core.targets import Target
from parivision_assets.errors import CommandError

SHOT_KEYS = ["game_id", "quarter", "clock_s", "player_id"]
TRUTH_COLUMN = {"shot_pre_release": "p_pre_release", "shot_post_event": "p_post_event", "game": "p_published"}


def league_truth(league: League, target: Target, rows: pl.DataFrame, season: int) -> npt.NDArray[np.float64]:
    """Return the true probability, given the published columns, of each feature row of a season of a league."""
    truth = league.game_truth[season] if target.name == "game" else league.shot_truth[season]
    return join_truth(truth, target, rows)


def join_truth(truth: pl.DataFrame, target: Target, rows: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Return the true probability of each feature row; raise CommandError when a row has no truth or several."""
    keys = ["game_key"] if target.name == "game" else SHOT_KEYS
    wanted = rows.select(keys).cast(truth.select(keys).schema)
    joined = wanted.join(truth.select(*keys, TRUTH_COLUMN[target.name]), on=keys, how="left", maintain_order="left")
    found = joined[TRUTH_COLUMN[target.name]]
    if len(found) != rows.height or found.null_count():
        raise CommandError(f"{target.name}: {found.null_count()} rows have no truth; run `make clean` and try again")
    return found.to_numpy()
