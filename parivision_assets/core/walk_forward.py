"""The yardstick for shots: train on earlier seasons, score a season nobody has seen, beside its baselines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.evaluation import Metrics, score
from parivision_assets.core.history import Totals, concat_totals, needed_seasons, season_totals
from parivision_assets.core.shot_features import shot_features
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, Baseline, Target
from parivision_assets.core.training import Progress, TrainedModel, TrainingConfig, fit

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Walk:
    """One test season: what was trained, and every contestant's probabilities on the same rows."""

    test_season: int
    train_seasons: tuple[int, ...]
    tuned_on: bool
    """Whether the test season is among those on which settings were chosen."""
    label: Vector
    group: npt.NDArray[np.int64]
    probabilities: Mapping[str, Vector]
    models: Mapping[str, TrainedModel]

    def metrics(self) -> dict[str, Metrics]:
        """Return each contestant's metrics on the test season."""
        return {name: score(self.label, chance, self.group) for name, chance in self.probabilities.items()}


def pooled_metrics(walks: Iterable[Walk]) -> dict[str, Metrics]:
    """Return each contestant's metrics on all test seasons together; at least one walk is needed."""
    walks = list(walks)
    label = np.concatenate([walk.label for walk in walks])
    group = np.concatenate([walk.group for walk in walks])
    return {
        name: score(label, np.concatenate([walk.probabilities[name] for walk in walks]), group)
        for name in walks[0].probabilities
    }


def season_features(shots: Mapping[int, pl.DataFrame], wanted: Iterable[int]) -> dict[int, pl.DataFrame]:
    """Return the wanted seasons' feature tables from canonical shots by season, reading only the totals they need."""
    wanted = sorted(wanted)
    needed = {year for season in wanted for year in needed_seasons(season, shots)}
    totals: dict[int, Totals] = {season: season_totals(shots[season]) for season in sorted(needed)}
    return {
        season: shot_features(
            shots[season], concat_totals([totals[year] for year in needed_seasons(season, totals)]), season
        )
        for season in wanted
    }


def walk_shots(
    features: Mapping[int, pl.DataFrame],
    test_season: int,
    configs: Mapping[str, TrainingConfig],
    newest_n: int = 5,
    progress: Progress | None = None,
) -> Walk:
    """Train both shot targets on the newest seasons before `test_season` and score it.

    `features` holds feature tables by season; `configs` one training config per target name. Raise ValueError when
    the test season or every earlier one is missing.
    """
    if test_season not in features:
        raise ValueError(f"season {test_season} is not among those given: {', '.join(map(str, sorted(features)))}")
    seasons = walk_forward(test_season, features, newest_n)
    train = pl.concat([features[season] for season in seasons])
    test = features[test_season]
    contestants = {"post_event": SHOT_POST_EVENT, "pre_release": SHOT_PRE_RELEASE}
    models = {
        name: fit(target, train, configs[target.name], _named(progress, name)) for name, target in contestants.items()
    }
    probabilities = {name: model.predict(test) for name, model in models.items()}
    for baseline in SHOT_POST_EVENT.baselines:
        probabilities[baseline.name] = baseline_probability(SHOT_POST_EVENT, baseline, train, test)
    tuned = {season for config in configs.values() for season in config.tuned_on_seasons}
    label = test[SHOT_POST_EVENT.label].cast(pl.Float64).to_numpy()
    return Walk(test_season, seasons, test_season in tuned, label, test["game_id"].to_numpy(), probabilities, models)


def baseline_probability(target: Target, baseline: Baseline, train: pl.DataFrame, test: pl.DataFrame) -> Vector:
    """Return the training seasons' label rate per test row, by key; unseen keys get the overall rate."""
    label = pl.col(target.label).cast(pl.Float64)
    overall = float(train.select(label.mean()).item())
    if not baseline.keys:
        return np.full(len(test), overall)
    rates = train.group_by(baseline.keys).agg(label.mean().alias("_rate"))
    joined = test.select(baseline.keys).join(rates, on=list(baseline.keys), how="left", maintain_order="left")
    return joined["_rate"].fill_null(overall).to_numpy()


def _named(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda step, share: progress(f"{name}: {step}", share)
