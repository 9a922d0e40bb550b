"""The trained model that a bundle holds, and until when it learnt; light, because whoever serves reads nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from parivision_assets.core.families import LOADERS, Loader
from parivision_assets.core.model_files import load
from parivision_assets.core.training import TrainedModel
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bundles import Bundle

MODEL_FOLDER = "model/"


def bundle_model(bundle: Bundle, loaders: Mapping[str, Loader] = LOADERS) -> TrainedModel:
    """Return the trained model that a bundle holds; `loaders` says how each family is read (see `model_files.load`)."""
    names = [name for name in bundle.files if name.startswith(MODEL_FOLDER)]
    return load({name.removeprefix(MODEL_FOLDER): bundle.files[name] for name in names}, loaders)


def trained_until(bundle: Bundle) -> dt.date:
    """Return the date of a model's newest training row; raise StoreError for a bundle that does not say."""
    text = bundle.metadata.get("trained_until")
    if text is None:
        raise StoreError(
            f"bundle {bundle.ref.digest[:12]}… does not say until when it was trained; train it again with this version"
        )
    return dt.date.fromisoformat(str(text))
