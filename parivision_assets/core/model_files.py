"""A trained model as files in open formats, and back. No pickle: JSON, XGBoost's UBJ, Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from parivision_assets.core.calibration import Calibration
from parivision_assets.core.encoding import Encoder
from parivision_assets.core.families import LOADERS, Loader
from parivision_assets.core.offsets import TrackingOffset
from parivision_assets.core.training import TrainedModel, TrainingConfig

DESCRIPTION_FILE = "model.json"
FORMAT = 1


def to_files(model: TrainedModel) -> dict[str, bytes]:
    """Return the model's files by name: `model.json` describes it, the family's files hold its numbers."""
    content = {
        "format": FORMAT,
        "target": model.target,
        "family": model.config.family,
        "features": [
            {"name": name, "context": context, "also_needs": list(model.encoder.needs.get(name, ()))}
            for name, context in zip(model.encoder.names, model.encoder.contexts, strict=True)
        ],
        "always_given": model.encoder.always,
        "vocabularies": {name: dict(codes) for name, codes in model.encoder.vocabularies.items()},
        "calibration": model.calibration.to_dict(),
        "tracking_offset": model.offset.to_dict(),
        "config": model.config.to_dict(),
        "train_seasons": list(model.train_seasons),
        "train_rows": model.train_rows,
    }
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    return {DESCRIPTION_FILE: text.encode(), **model.predictor.to_files()}


def load(files: Mapping[str, bytes], loaders: Mapping[str, Loader] = LOADERS) -> TrainedModel:
    """Return the model that `to_files` wrote; raise ValueError naming what is missing or not understood.

    `loaders` reads each family's files; whoever only serves brings lighter ones.
    """
    if DESCRIPTION_FILE not in files:
        raise ValueError(f"{DESCRIPTION_FILE} is missing: these are not a model's files")
    content: dict[str, Any] = json.loads(files[DESCRIPTION_FILE])
    if content.get("format") != FORMAT:
        raise ValueError(
            f"{DESCRIPTION_FILE}: format {content.get('format')!r}, this version reads {FORMAT}; train again"
        )
    encoder = Encoder(
        names=tuple(feature["name"] for feature in content["features"]),
        contexts=tuple(feature["context"] for feature in content["features"]),
        vocabularies=content["vocabularies"],
        always=content["always_given"],
        needs={f["name"]: tuple(f["also_needs"]) for f in content["features"] if f["also_needs"]},
    )
    try:
        predictor = loaders[content["family"]](files, len(encoder.names))
    except KeyError as error:
        raise ValueError(f"model of family {content['family']}: {error} is missing") from error
    return TrainedModel(
        target=content["target"],
        config=TrainingConfig.from_dict(content["config"]),
        encoder=encoder,
        predictor=predictor,
        calibration=Calibration.from_dict(content["calibration"]),
        offset=TrackingOffset.from_dict(content["tracking_offset"]),
        train_seasons=tuple(content["train_seasons"]),
        train_rows=int(content["train_rows"]),
    )
