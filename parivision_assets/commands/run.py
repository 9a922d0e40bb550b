"""Materialise a selection: season by season what leads to models, then models and champions, then what follows."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.utils import make_new_run_id  # the only way to know a run's id before it starts

from parivision_assets.defs.instance import PID_TAG

Progress = Callable[[str], None]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunResult:
    """One Dagster run: which part it was, whether it succeeded, what was made, and what went wrong in words."""

    name: str
    run_id: str
    succeeded: bool
    seconds: float
    assets: Mapping[str, str]
    """State by asset: published, absent, kept, made."""
    rows: Mapping[str, int]
    problems: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Phase:
    """Assets that run together, and for which seasons (None: unpartitioned)."""

    name: str
    keys: tuple[dg.AssetKey, ...]
    season: str | None
    follows_seasons: bool = False
    """Whether it reads what several seasons' runs made."""


def phases(definitions: dg.Definitions, selection: str, seasons: Iterable[str]) -> list[Phase]:
    """Return the runs that materialise a selection, in order.

    Raises ValueError when the selection names no asset.
    """
    graph = definitions.resolve_asset_graph()
    # Tables that one step makes are made together, whichever of them was named.
    chosen = dg.AssetSelection.from_string(selection).required_multi_asset_neighbors().resolve(graph)
    if not chosen:
        raise ValueError(f"'{selection}' selects no asset; try 'group:features' or '*', and see `dg list defs`")
    single = {key for key in chosen if graph.get(key).partitions_def is None}
    after = {key for key in chosen - single if graph.get_ancestor_asset_keys(key) & single}
    before = chosen - single - after
    found = [Phase(f"season {season}", tuple(sorted(before)), season) for season in seasons if before]
    if single:
        names = [key.to_user_string() for key in sorted(single)]
        title = "models and champions" if len(names) > 2 else " and ".join(names)
        found.append(Phase(title, tuple(sorted(single)), None, follows_seasons=True))
    later = [Phase(f"predictions {season}", tuple(sorted(after)), season, follows_seasons=True) for season in seasons]
    return found + (later if after else [])


def skipped(phase: Phase, failed: Sequence[str]) -> RunResult:
    """Return the result of a part that did not run because of failed ones before it."""
    problem = f"did not run, because {', '.join(failed)} failed; what was there before stays"
    return RunResult(phase.name, "", succeeded=False, seconds=0.0, assets={}, rows={}, problems=(problem,))


def materialise(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    phase: Phase,
    progress: Progress,
    op_config: Mapping[str, Any] | None = None,
) -> RunResult:
    """Run one phase in process in the persistent instance and return what came of it."""
    run_id, started = make_new_run_id(), time.perf_counter()
    instance.add_event_listener(run_id, lambda event: _report(event, phase, progress))
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config={**QUIET, "ops": dict(op_config or {})},
        instance=instance,
        partition_key=phase.season,
        asset_selection=list(phase.keys),
        raise_on_error=False,
        run_id=run_id,
        tags={PID_TAG: str(os.getpid())},
    )
    made, rows = _made(result)
    return RunResult(
        phase.name, run_id, result.success, time.perf_counter() - started, made, rows, tuple(_problems(result))
    )


def _report(event: dg.EventLogEntry, phase: Phase, progress: Progress) -> None:
    happened = event.dagster_event
    if happened is None:
        progress(f"{phase.name}: {event.user_message}")
    elif happened.event_type == dg.DagsterEventType.STEP_START:
        progress(f"{phase.name}: {happened.step_key}")


def _made(result: dg.ExecuteInProcessResult) -> tuple[dict[str, str], dict[str, int]]:
    states, rows = {}, {}
    for event in result.all_events:
        if event.event_type != dg.DagsterEventType.ASSET_MATERIALIZATION or event.asset_key is None:
            continue
        metadata = event.step_materialization_data.materialization.metadata
        name = event.asset_key.to_user_string()
        states[name] = str(metadata["state"].value) if "state" in metadata else "made"
        if "dagster/row_count" in metadata:
            rows[name] = int(str(metadata["dagster/row_count"].value))
    return states, rows


def _problems(result: dg.ExecuteInProcessResult) -> Iterable[str]:
    """Return what went wrong in words: failed checks first, then errors that no check explains."""
    found = [
        f"{check.asset_key.to_user_string()}: {check.description}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
    ]
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            if error.cls_name != "DagsterAssetCheckFailedError":
                found.append(f"{event.step_key}: {_in_words(error)}")
    # The run's own error repeats its steps'; it says something only where no step began.
    return found or [
        _in_words(event.job_failure_data.error)
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.PIPELINE_FAILURE and event.job_failure_data.error is not None
    ]


def _in_words(error: Any) -> str:
    """Return the innermost cause's message without its Python type."""
    while error.cause is not None:
        error = error.cause
    message = str(error.message).strip()
    return message.removeprefix("dagster._core.definitions.events.Failure: ")
