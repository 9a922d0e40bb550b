"""The adaptation loop's sensors: nightly looks at champions, drift reports that are due, and retrainings.

What is due is `core.adaptation`'s to say, on what `stores.situation` finds; here it becomes runs, each by a key that
says what caused it. A run that exists under a key is never launched again, whatever a daemon remembers.
"""

import dagster as dg

from parivision_assets.core.adaptation import Retraining, Situation, report_due, retraining_due
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.stores.champions import shadow
from parivision_assets.stores.home import Home
from parivision_assets.stores.situation import situation

KEY_TAG, UNTIL_TAG = "parivision/loop_key", "parivision/until"
FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def loop_sensors(status: dg.DefaultSensorStatus) -> list[dg.SensorDefinition]:
    """Return one retraining sensor per target, the sensor of drift reports and that of nightly looks."""
    return [*(retrain_sensor(name, status) for name in TARGETS), drift_report_sensor(status), champion_sensor(status)]


def retrain_sensor(target: str, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Return the one sensor that retrains a target, for whatever reason."""

    @dg.sensor(
        name=f"retrain_{target}_sensor",
        job_name=f"retrain_{target}",
        minimum_interval_seconds=60,
        default_status=status,
        description=f"Makes a new challenger for {target}: the first, after a season, or when the relation moved",
    )
    def sensor(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> dg.SensorResult:
        policy = home.settings.loop.policy
        now = situation(home, target)
        due = retraining_due(now, policy)
        if due is None:
            return _nothing(context, "no retraining is due")
        waits = _waits(context.instance, now, due, policy.cool_down_game_days, report_due(now, policy))
        if waits is not None:
            return _nothing(context, f"{due.reason}; {waits}")
        request = retraining_request(context.instance, due)
        return dg.SensorResult(run_requests=[request], cursor=request.run_key)

    return sensor


def _nothing(context: dg.SensorEvaluationContext, reason: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=context.cursor)


def retraining_request(instance: dg.DagsterInstance, due: Retraining) -> dg.RunRequest:
    """Return the run of a retraining; one that failed before gets a key of its own, with the new date."""
    config = {
        "until": due.until.isoformat(),
        "change_date": due.change_date.isoformat() if due.change_date else None,
        "cause": due.cause.value,
        "report": due.report,
    }
    chosen = {name: value for name, value in config.items() if value is not None}
    failed_before = bool(_runs(instance, due.key))
    return dg.RunRequest(
        run_key=f"{due.key}@{due.until}" if failed_before else due.key,
        run_config={"ops": {f"{due.target}_challenger": {"config": chosen}}},
        tags={KEY_TAG: due.key, UNTIL_TAG: due.until.isoformat(), "parivision/reason": due.reason},
    )


def _waits(
    instance: dg.DagsterInstance, now: Situation, due: Retraining, cool_down: int, report: str | None
) -> str | None:
    """Return why a due retraining is not launched now, or None."""
    busy = instance.get_runs(dg.RunsFilter(job_name=f"retrain_{due.target}", statuses=_unfinished()), limit=1)
    if busy:
        return f"run {busy[0].run_id} of this target is under way"
    if report is not None and not _runs(instance, report_key(now)):
        return f"a drift report comes first: {report}"
    attempts = _runs(instance, due.key)
    done = [run for run in attempts if run.status not in FAILED]
    if done:
        return f"run {done[0].run_id} answered it"
    if attempts:
        last = max(run.tags.get(UNTIL_TAG, "") for run in attempts)
        new = sum(day.isoformat() > last for day in now.game_days)
        if new < cool_down:
            return (
                f"run {attempts[0].run_id} failed on games until {last}: run it again, or it is tried again after "
                f"{cool_down} new game days"
            )
    return None


def _runs(instance: dg.DagsterInstance, key: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={KEY_TAG: key})))


def _unfinished() -> list[dg.DagsterRunStatus]:
    finished = {dg.DagsterRunStatus.SUCCESS, *FAILED}
    return [status for status in dg.DagsterRunStatus if status not in finished]


def report_key(now: Situation) -> str:
    """Return the key of a target's report on games until today."""
    return f"{now.target}/report/{now.today}"


def drift_report_sensor(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Return the sensor that makes the drift reports that are due."""

    @dg.sensor(
        name="drift_report_sensor",
        target=dg.AssetSelection.from_string('key:"*_drift_report"'),
        minimum_interval_seconds=60,
        default_status=status,
        description="Makes a target's drift report when the verdict moved, a season ended, or none was made for long",
    )
    def sensor(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> dg.SensorResult:
        requests = [found for name in TARGETS if (found := report_request(context.instance, home, name))]
        skip = None if requests else "no drift report is due that was not asked for"
        return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=context.cursor)

    return sensor


def report_request(instance: dg.DagsterInstance, home: Home, target: str) -> dg.RunRequest | None:
    """Return the run of a target's drift report, if one is due and was not asked for on the same games."""
    now = situation(home, target)
    reason = report_due(now, home.settings.loop.policy)
    if reason is None or _runs(instance, report_key(now)):
        return None
    return dg.RunRequest(
        run_key=report_key(now),
        asset_selection=[dg.AssetKey(f"{target}_drift_report")],
        partition_key=home.tables.partitions(TARGETS[target].table.name)[-1],
        tags={KEY_TAG: report_key(now), "parivision/reason": reason},
    )


def champion_sensor(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Return the sensor that lets the gate look at challengers in shadow when there are new games."""

    @dg.sensor(
        name="champion_sensor",
        target=dg.AssetSelection.groups("champions"),
        minimum_interval_seconds=60,
        default_status=status,
        description="Lets the gate look at each challenger in shadow whenever the newest season has new games",
    )
    def sensor(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> dg.SensorResult:
        requests = [found for name in TARGETS if (found := look_request(context.instance, home, name))]
        skip = None if requests else "no challenger in shadow has new games"
        return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=context.cursor)

    return sensor


def look_request(instance: dg.DagsterInstance, home: Home, target: str) -> dg.RunRequest | None:
    """Return the run of a look at the challenger in shadow, once per content of the newest season."""
    waiting, table = shadow(home, target), TARGETS[target].table.name
    seasons = home.tables.partitions(table)
    if waiting is None or not seasons:
        return None
    content = home.tables.version(table, seasons[-1]).digest
    key = f"{target}/look/{waiting.digest[:16]}/{content[:16]}"
    busy = instance.get_runs(dg.RunsFilter(job_name=f"retrain_{target}", statuses=_unfinished()), limit=1)
    if busy or _runs(instance, key):
        return None
    keys = [dg.AssetKey(f"{target}_champion"), dg.AssetKey("promotion_decisions")]
    return dg.RunRequest(run_key=key, asset_selection=keys, tags={KEY_TAG: key})
