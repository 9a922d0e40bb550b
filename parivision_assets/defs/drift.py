"""Drift reports: one asset per target, its verdict an asset check."""

import dagster as dg


def drift_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the drift reports of all targets."""
    return []
