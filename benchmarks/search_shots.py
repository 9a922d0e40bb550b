"""Search the booster's settings for shots: bounded, seeded, on seasons that are recorded in `core/shot_settings.py`.

    python benchmarks/search_shots.py ../shared/data/shots --target shot_post_event --trials 12

Trains on the seasons before the validation season and scores that season, never the newest one. Rows are sampled, so
that a trial takes a minute on two cores. Prints every trial and the best settings as JSON.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import optuna
import polars as pl

from parivision_assets.core.evaluation import score
from parivision_assets.core.shot_settings import SHOT_XGBOOST, TRAINING_SEASONS
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import SHOT_TARGETS, Target
from parivision_assets.core.training import TrainingConfig, fit
from parivision_assets.core.walk_forward import season_features
from parivision_assets.sources.archives import parse_shots

SEED = 20


def config_of(trial: optuna.Trial) -> TrainingConfig:
    """Return the settings that a trial tries."""
    params: dict[str, Any] = {
        **SHOT_XGBOOST.params,
        "rounds": trial.suggest_int("rounds", 80, 240, step=40),
        "eta": trial.suggest_float("eta", 0.04, 0.15, log=True),
        "max_depth": trial.suggest_int("max_depth", 4, 7),
        "min_child_weight": trial.suggest_int("min_child_weight", 30, 200, log=True),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 0.8),
        "reg_lambda": trial.suggest_float("reg_lambda", 1.0, 20.0, log=True),
    }
    decay = trial.suggest_float("season_decay", 0.5, 1.0)
    # Calibration is no part of the search: it costs two more fits and hardly moves the log loss.
    return TrainingConfig("xgboost", params, season_decay=decay, withheld_share=0.2, folds=1, seed=SEED)


def loss(target: Target, train: pl.DataFrame, test: pl.DataFrame, config: TrainingConfig) -> float:
    """Return the log loss of a model on the validation season."""
    chance = fit(target, train, config).predict(test)
    return score(test[target.label].to_numpy(), chance, test[target.group].to_numpy()).log_loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", choices=sorted(SHOT_TARGETS), default="shot_post_event")
    parser.add_argument("--validation-season", type=int, default=2020)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.3, help="share of the training rows")
    arguments = parser.parse_args()
    paths = {int(re.findall(r"\d{4}", path.name)[0]): path for path in sorted(arguments.folder.glob("*.zip"))}
    seasons = walk_forward(arguments.validation_season, paths, TRAINING_SEASONS)
    history = walk_forward(seasons[0], paths, 3)
    shots = {
        season: clean_shots(parse_shots(paths[season].read_bytes(), paths[season].name)).valid
        for season in (*history, *seasons, arguments.validation_season)
    }
    features = season_features(shots, (*seasons, arguments.validation_season))
    train = pl.concat([features[season] for season in seasons]).sample(fraction=arguments.share, seed=SEED)
    target = SHOT_TARGETS[arguments.target]
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(
        lambda trial: loss(target, train, features[arguments.validation_season], config_of(trial)),
        n_trials=arguments.trials,
        callbacks=[lambda _study, trial: print(trial.number, trial.value, trial.params, flush=True)],
    )
    best = {"seasons": [*seasons, arguments.validation_season], "log_loss": study.best_value, **study.best_params}
    print(json.dumps(best, indent=1))


if __name__ == "__main__":
    main()
