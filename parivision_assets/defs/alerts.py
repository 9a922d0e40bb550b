"""Alerts: a failed run or a failed blocking check reaches whoever is on call, through Alertmanager or the log.

An alert that cannot be delivered is logged; it never stops what it warns of. Grouping, silencing and telling the same
alert from another are Alertmanager's.
"""

import datetime as dt
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import httpx
import tenacity

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

LOG = logging.getLogger("parivision.alerts")
STANDS = dt.timedelta(days=1)
"""A failure is an event: nobody reports that it is over, so the alert ends by itself."""
TIMEOUT_S = 5.0
_CHECK_FAILED = "DagsterAssetCheckFailedError"


@dataclass(frozen=True)
class Alert:
    """One thing that a person should look at; two with the same name and labels are the same to Alertmanager."""

    name: str
    severity: str
    summary: str
    reason: str
    labels: dict[str, str] = field(default_factory=dict)
    run_id: str = ""

    def payload(self, dagster_url: str, now: dt.datetime) -> dict[str, Any]:
        """Return the alert as Alertmanager's API v2 takes it."""
        link = f"{dagster_url.rstrip('/')}/runs/{self.run_id}" if self.run_id else dagster_url
        return {
            "labels": {"alertname": self.name, "severity": self.severity, **self.labels},
            "annotations": {"summary": self.summary, "reason": self.reason, "run_id": self.run_id},
            "startsAt": now.isoformat(),
            "endsAt": (now + STANDS).isoformat(),
            "generatorURL": link,
        }


def send(settings: Settings, alerts: list[Alert]) -> None:
    """Post alerts to Alertmanager, or log each as a warning where none is set or it does not answer. Never raises."""
    if not alerts:
        return
    problem = "PARIVISION_ALERTMANAGER_URL is not set"
    if settings.alertmanager_url is not None:
        now = dt.datetime.now(dt.UTC)
        try:
            _post(settings.alertmanager_url, [alert.payload(settings.dagster_url, now) for alert in alerts])
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"{settings.alertmanager_url} did not take it ({error or type(error).__name__})"
        else:
            return
    for alert in alerts:
        LOG.warning(
            "alert %s: %s: %s [%s]", alert.name, alert.summary, alert.reason, problem,
            extra={"alert": alert.payload(settings.dagster_url, dt.datetime.now(dt.UTC))},
        )  # fmt: skip


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(httpx.TransportError),
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_exponential(multiplier=0.2, max=2),
    reraise=True,
)
def _post(url: str, payload: list[dict[str, Any]]) -> None:
    answer = httpx.post(f"{url.rstrip('/')}/api/v2/alerts", json=payload, timeout=TIMEOUT_S)
    answer.raise_for_status()


def alerts_of_run(instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> list[Alert]:
    """Return the alerts of a failed run: one per failed blocking check, and one for what no check explains."""
    checks = list(_failed_checks(instance, run))
    steps = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    errors = [entry.dagster_event.step_failure_data.error for entry in steps if entry.dagster_event is not None]
    unexplained = [error for error in errors if error is None or error.cls_name != _CHECK_FAILED]
    if checks and not unexplained:
        return checks
    words = "; ".join(_innermost(error) for error in unexplained if error is not None) or message
    labels = {"job": run.job_name, **_labels("", run.tags.get("dagster/partition"), run.job_name)}
    failed = Alert("RunFailed", "critical", f"the run of {run.job_name} failed", words, labels, run.run_id)
    return [*checks, failed]


def _failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[Alert]:
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is None:
            continue
        found = entry.dagster_event.asset_check_evaluation_data
        if found.passed or not found.blocking or found.severity != dg.AssetCheckSeverity.ERROR:
            continue
        asset, season = found.asset_key.to_user_string(), found.partition or run.tags.get("dagster/partition")
        labels = {"check": found.check_name, **_labels(asset, season, asset)}
        where = f"{asset} {season}" if season else asset
        reason = found.description or "see the check's metadata"
        yield Alert(
            "BlockingCheckFailed", "critical", f"{where}: {found.check_name} failed", reason, labels, run.run_id
        )


def _labels(asset: str, season: str | None, named_by: str) -> dict[str, str]:
    target = next((name for name in TARGETS if name in named_by), "")
    return {name: value for name, value in (("target", target), ("asset", asset), ("season", season or "")) if value}


def _innermost(error: Any) -> str:
    while error.cause is not None:
        error = error.cause
    # A message begins with the name of its Python class, which tells a person nothing.
    return re.sub(rf"^[\w.]*\b{re.escape(error.cls_name or '')}: ", "", str(error.message).strip())


def alert_sensors(environment: str) -> list[dg.SensorDefinition]:
    """Return the sensor that watches for failed runs and failed blocking checks."""
    status = dg.DefaultSensorStatus.RUNNING if environment == "embedded" else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="alert_sensor",
        default_status=status,
        minimum_interval_seconds=30,
        description="A failed run or a failed blocking check becomes an alert",
    )
    def alert_sensor(context: dg.RunFailureSensorContext, home: dg.ResourceParam[Home]) -> None:
        """Send the alerts of one failed run."""
        message = context.failure_event.message or "the run failed"
        send(home.settings, alerts_of_run(context.instance, context.dagster_run, message))

    return [alert_sensor]
