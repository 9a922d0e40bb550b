"""Live performance: what was served, joined with what happened, and every contestant on the same events."""

import dagster as dg


def performance_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return served predictions, their outcomes, live performance and the scoreboard."""
    return []
