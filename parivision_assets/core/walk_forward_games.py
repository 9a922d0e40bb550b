"""The yardstick for games: every contestant on exactly the same games, trained on earlier seasons only.

Reading files and printing belong to the command line; fitting is `training`, figures are `evaluation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core import ratings
from parivision_assets.core.evaluation import Metrics, score
from parivision_assets.core.forecasts import join_forecasts
from parivision_assets.core.game_features import ShotTotals, build_game_features
from parivision_assets.core.game_target import GAME, GAME_LOGISTIC
from parivision_assets.core.training import TrainingConfig, fit

Vector = npt.NDArray[np.float64]

CONTESTANTS = ("model", "home", "elo", "closing_line", "published")
"""home: the home team's win rate in the training seasons; elo: its formula alone; the last two are never inputs."""


@dataclass(frozen=True)
class Scores:
    """Metrics per contestant on the same `n` games; None for one that lacks a probability for all of them."""

    n: int
    contestants: dict[str, Metrics | None]
    train_seasons: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return `n`, `train_seasons` and one object (or null) per contestant, ready for JSON."""
        figures = {name: None if one is None else one.to_dict() for name, one in self.contestants.items()}
        return {"n": self.n, "train_seasons": list(self.train_seasons), **figures}


@dataclass(frozen=True)
class GamesEvaluation:
    """Scores of all test seasons pooled and one by one, and one row per scored game with every probability."""

    pooled: Scores
    seasons: dict[int, Scores]
    predictions: pl.DataFrame
    left_out: int
    """Games of the test seasons without a closing line or forecast that others have: not scored for anybody."""
    tuned_test_seasons: tuple[int, ...]
    """Test seasons on which something was tuned: their figures flatter the model."""


def evaluate_games(
    games: pl.DataFrame,
    test_seasons: Sequence[int],
    forecasts: pl.DataFrame | None = None,
    shots: ShotTotals | None = None,
    config: TrainingConfig = GAME_LOGISTIC,
) -> GamesEvaluation:
    """Return every contestant's metrics on the canonical games of `test_seasons`, each season after earlier ones.

    `forecasts` is `forecasts.SCHEMA`. Features advance through a test season day by day; the model is not refitted
    within it. A benchmark that covers some of a season's games but not all limits that season to the games it covers;
    one that covers none is None. Raises ValueError for a test season without games or without an earlier season.
    """
    seasons = sorted(set(test_seasons))
    features, _ = build_game_features(games, shots)
    table = with_benchmarks(features, games, forecasts)
    parts, trained = [], {}
    for season in seasons:
        train, test = table.filter(pl.col("season") < season), table.filter(pl.col("season") == season)
        _require(train, test, season)
        model = fit(GAME, train, config)
        trained[season] = model.train_seasons
        home_rate = float(train["is_home_win"].cast(pl.Float64).to_numpy().mean())
        parts.append(test.with_columns(pl.Series("model", model.predict(test)), pl.lit(home_rate).alias("home")))
    everything = pl.concat(parts)
    scored = pl.concat([_same_games(part) for part in parts])
    by_season = {season: _scores(scored.filter(pl.col("season") == season), trained[season]) for season in seasons}
    used = tuple(sorted({year for years in trained.values() for year in years}))
    columns = ["season", "game_date", "game_key", "stage", "is_home_win", *CONTESTANTS]
    return GamesEvaluation(
        pooled=_scores(scored, used),
        seasons=by_season,
        predictions=scored.select(columns),
        left_out=everything.height - scored.height,
        tuned_test_seasons=tuple(season for season in seasons if season in config.tuned_on_seasons),
    )


def with_benchmarks(features: pl.DataFrame, games: pl.DataFrame, forecasts: pl.DataFrame | None) -> pl.DataFrame:
    """Return the features beside Elo's, the market's and the publisher's probability, which no model reads."""
    elo = 1.0 / (1.0 + 10.0 ** (-pl.col("elo_edge").cast(pl.Float64) / ratings.ELO_SCALE))
    market = games.select("game_key", pl.col("closing_home_probability").alias("closing_line"))
    table = features.with_columns(elo.alias("elo")).join(market, on="game_key", how="left", maintain_order="left")
    if forecasts is None:
        return table.with_columns(pl.lit(None, pl.Float64).alias("published"))
    return join_forecasts(table, forecasts).rename({"published_home_probability": "published"})


def _require(train: pl.DataFrame, test: pl.DataFrame, season: int) -> None:
    if test.is_empty():
        raise ValueError(f"season {season} has no games: leave it out of the test seasons or add its file")
    if train.is_empty():
        raise ValueError(f"no season before {season} is there to train on: add one, or test a later season")


def _same_games(test: pl.DataFrame) -> pl.DataFrame:
    """Return the games for which every benchmark that covers this season has a probability."""
    covering = [name for name in CONTESTANTS if test[name].null_count() < test.height]
    return test.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in covering))


def _scores(scored: pl.DataFrame, train_seasons: tuple[int, ...]) -> Scores:
    label, games = scored["is_home_win"].to_numpy(), scored["game_key"].to_numpy()
    contestants: dict[str, Metrics | None] = {}
    for name in CONTESTANTS:
        whole = scored[name].null_count() == 0
        contestants[name] = score(label, scored[name].to_numpy(), games) if whole else None
    return Scores(scored.height, contestants, train_seasons)
