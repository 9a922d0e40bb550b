"""Measure shots on real files: time and memory from canonical shots to features, then one walk-forward season.

    python benchmarks/measure_shots.py ../shared/data/shots --test-season 2021

Prints one JSON object: seconds and peak memory per stage, and the metrics of every contestant.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import time
from pathlib import Path

from parivision_assets.core.history import concat_totals, needed_seasons, season_totals
from parivision_assets.core.shot_features import shot_features
from parivision_assets.core.shot_settings import SHOT_XGBOOST, TRAINING_SEASONS
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import SHOT_TARGETS
from parivision_assets.core.walk_forward import walk_shots
from parivision_assets.sources.archives import parse_shots


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--test-season", type=int, default=2021)
    parser.add_argument("--no-training", action="store_true", help="stop after the features")
    arguments = parser.parse_args()
    paths = {int(re.findall(r"\d{4}", path.name)[0]): path for path in sorted(arguments.folder.glob("*.zip"))}
    seconds = {"clean": 0.0, "totals": 0.0, "features": 0.0}
    totals, features = {}, {}
    for season, path in paths.items():
        start = time.perf_counter()
        shots = clean_shots(parse_shots(path.read_bytes(), path.name)).valid
        cleaned = time.perf_counter()
        totals[season] = season_totals(shots)
        totalled = time.perf_counter()
        known = concat_totals([totals[year] for year in needed_seasons(season, totals)])
        table = shot_features(shots, known, season)
        seconds["clean"] += cleaned - start
        seconds["totals"] += totalled - cleaned
        seconds["features"] += time.perf_counter() - totalled
        if season <= arguments.test_season and season > arguments.test_season - TRAINING_SEASONS - 2:
            features[season] = table
    report: dict[str, object] = {"seconds": seconds, "peak_gib": _peak_gib()}
    if not arguments.no_training:
        start = time.perf_counter()
        configs = dict.fromkeys(SHOT_TARGETS, SHOT_XGBOOST)
        walk = walk_shots(features, arguments.test_season, configs, TRAINING_SEASONS)
        seconds["walk"] = time.perf_counter() - start
        report |= {
            "train_seasons": walk.train_seasons,
            "tuned_on": walk.tuned_on,
            "metrics": {name: figures.to_dict() for name, figures in walk.metrics().items()},
            "importances": {name: model.importances() for name, model in walk.models.items()},
            "peak_gib": _peak_gib(),
        }
    print(json.dumps(report, indent=1))


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
