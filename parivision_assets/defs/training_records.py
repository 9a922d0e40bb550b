"""What a training run leaves in MLflow and in the asset's metadata: figures, pictures, datasets."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from typing import Any

import dagster as dg
import polars as pl

from parivision_assets import pictures
from parivision_assets.core.challenger import Challenger, FamilyResult
from parivision_assets.core.evaluation import Metrics
from parivision_assets.core.targets import Target
from parivision_assets.defs.publishing import image, markdown_table
from parivision_assets.stores.home import Home
from parivision_assets.stores.registry import DatasetVersion, RunRecord


def dataset_versions(home: Home, table: str, seasons: Sequence[int]) -> list[DatasetVersion]:
    """Return the current versions of a table's seasons, as a run records them."""
    versions = [home.tables.version(table, str(season)) for season in seasons]
    return [DatasetVersion(table, version.partition, version.digest, version.rows) for version in versions]


def family_record(target: Target, result: FamilyResult, datasets: Sequence[DatasetVersion]) -> RunRecord:
    """Return what one family's nested run keeps: parameters, every metric, three pictures, the datasets."""
    name = f"{target.name}, {result.config.family}"
    return RunRecord(
        params={**flat(result.config.to_dict()), "target": target.name},
        metrics=defined(result.metrics.to_dict()),
        tags={"family": result.config.family, "target": target.name},
        files={
            "calibration_curve.png": pictures.calibration_png({result.config.family: result.curve}, name),
            "calibration_curve.csv": result.curve.write_csv().encode(),
            "confusion_matrix.png": pictures.confusion_png(result.confusion, name),
            "feature_importance.png": pictures.importance_png(result.importances, name),
        },
        datasets=datasets,
    )


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Return nested settings as dotted names."""
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def defined(figures: Mapping[str, float | int | None]) -> dict[str, float]:
    """Return the figures that are defined, as floats."""
    return {name: float(value) for name, value in figures.items() if value is not None}


def comparison_table(figures: Mapping[str, Metrics]) -> dg.MarkdownMetadataValue:
    """Return contestants and their figures as a Markdown table, best log loss first."""
    ranked = sorted(figures.items(), key=lambda item: item[1].log_loss)
    rows = [
        {
            "contestant": name,
            "n": metrics.n,
            "log loss": round(metrics.log_loss, 5),
            "± se": None if metrics.log_loss_se is None else round(metrics.log_loss_se, 5),
            "Brier": round(metrics.brier, 5),
            "accuracy": round(metrics.accuracy, 4),
            "ROC AUC": None if metrics.roc_auc is None else round(metrics.roc_auc, 4),
            "ECE": round(metrics.ece, 5),
            "ECE if perfect (95 %)": round(metrics.ece_null_95, 5),
        }
        for name, metrics in ranked
    ]
    return dg.MetadataValue.md(markdown_table(pl.DataFrame(rows)))


def challenger_metadata(target: Target, challenger: Challenger) -> dict[str, Any]:
    """Return how the families compared, with pictures of the chosen one."""
    chosen = challenger.chosen
    return {
        "families_on_selection_split": comparison_table({r.config.family: r.metrics for r in challenger.compared}),
        "chosen_family": chosen.config.family,
        "training_seasons": ", ".join(map(str, challenger.model.train_seasons)),
        "training_rows": challenger.model.train_rows,
        "feature_importance": image(
            pictures.importance_png(challenger.model.importances(), f"{target.name}: feature importance")
        ),
    }


@cache
def code_tags() -> dict[str, str]:
    """Return the platform's version and the digest of every installed distribution's version: what the lock pins."""
    installed = sorted(f"{found.name}=={found.version}" for found in metadata.distributions())
    return {
        "code_version": metadata.version("parivision"),
        "environment_sha256": hashlib.sha256("\n".join(installed).encode()).hexdigest(),
    }


def mlmodel(target: Target) -> bytes:
    """Return MLflow's description of the model: its signature, every feature with its type, all of them optional."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = [
        ColSpec("string" if feature.is_category else "float", feature.name, required=False)
        for feature in (*target.features, *target.offset_features)
    ]
    signature = ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("double", "probability")]))
    return str(Model(signature=signature).to_yaml()).encode()
