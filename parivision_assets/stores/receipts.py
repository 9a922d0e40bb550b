"""The receipt of one answer: from what was asked back to model, decision, runs, data versions and raw files.

Recomputing the answer belongs to `serving.replay`. What cannot be reached is said, not guessed: `not_reached`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES, STATES
from parivision_assets.core.questions import Answer
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError
from parivision_assets.stores.bundles import Bundle
from parivision_assets.stores.chain import Record
from parivision_assets.stores.home import Home
from parivision_assets.stores.landing import LandedObject
from parivision_assets.stores.prediction_log import LogEntry
from parivision_assets.stores.provenance import Provenance, provenance_of, received, received_by

MODEL, STATE = "model", "state"


class PredictionAbsentError(StoreAbsentError):
    """The log holds no such prediction."""


@dataclass(frozen=True)
class Receipt:
    """Everything that is known of one answer; every value is ready for JSON."""

    prediction_id: str
    asked_at: str
    question: dict[str, Any]
    event: str | None
    answer: dict[str, Any]
    features: dict[str, float | None] | None
    """The row that the model read, by name; None where a feature was withheld, or for all without the model."""
    model: dict[str, Any]
    """Digest, metadata and the sha256 of every file of the bundle."""
    state: dict[str, Any]
    """The same of the serving state."""
    promotion: dict[str, Any] | None
    """The ledger's entry by which the model was champion."""
    runs: dict[str, str | None]
    """MLflow and Dagster runs that made the model, the Dagster run that made the state."""
    data_versions: list[dict[str, Any]]
    """Table versions that the model learnt from, and whether each is still here."""
    raw_files: list[dict[str, Any]]
    """Raw files behind model and state, and whether the bytes of each are still here."""
    outcome: dict[str, Any]
    not_reached: list[str]
    """Links that do not hold or were never recorded, in words; [] for a whole chain."""

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON-ready values."""
        return asdict(self)


def logged(home: Home, prediction_id: str) -> LogEntry:
    """Return an answer as it is logged; raise PredictionAbsentError in words where there is none."""
    found = home.prediction_log.find(prediction_id)
    if found is None:
        raise PredictionAbsentError(
            f"the log holds no prediction {prediction_id!r}; its id is the prediction_id that came with the answer"
        )
    return found


def receipt(
    home: Home,
    prediction_id: str,
    *,
    ask_mlflow: bool = False,
    in_words: Callable[[StoreAbsentError | StoreDamagedError], str] = str,
) -> Receipt:
    """Return the whole chain of one answer; raise PredictionAbsentError where there is none.

    Links that are damaged or gone are no error: the receipt names them. MLflow, which takes seconds to import, is
    asked for runs that were not recorded beside a bundle only where `ask_mlflow` says so. `in_words` says why a bundle
    cannot be read; the error's own words name files.
    """
    entry = logged(home, prediction_id)
    answer, missing = entry.answer, list[str]()
    model, state = (
        _read(home, name, digest, missing, in_words) for name, digest in ((MODEL, answer.model), (STATE, answer.state))
    )
    made = {name: provenance_of(home, digest) for name, digest in ((MODEL, answer.model), (STATE, answer.state))}
    promotion = _promotion(home, entry, missing)
    shown = {name: value for name, value in asdict(answer).items() if name != "features"}
    return Receipt(
        prediction_id=entry.prediction_id,
        asked_at=entry.asked_at,
        question=json.loads(entry.question),
        event=entry.event,
        answer=shown
        | {"as_of": answer.as_of.isoformat(), "flags": list(answer.flags), "expected_points": answer.expected_points},
        features=_features(answer.features, model, missing),
        model=_shown(answer.model, model),
        state=_shown(answer.state, state),
        promotion=promotion,
        runs=_runs(home, answer, made, missing, ask_mlflow=ask_mlflow),
        data_versions=_data_versions(home, model, missing),
        raw_files=_raw_files(home, entry, model, made, missing),
        outcome=_outcome(home, entry),
        not_reached=missing,
    )


def _read(
    home: Home,
    name: str,
    digest: str,
    missing: list[str],
    in_words: Callable[[StoreAbsentError | StoreDamagedError], str],
) -> Bundle | None:
    try:
        return home.bundles.read_bundle(digest)
    except (StoreAbsentError, StoreDamagedError) as error:
        missing.append(f"{name}: {in_words(error)}")
        return None


def _shown(digest: str, bundle: Bundle | None) -> dict[str, Any]:
    if bundle is None:
        return {"digest": digest, "is_intact": False}
    files = json.loads((bundle.ref.path / "manifest.json").read_bytes())["files"]
    return {"digest": digest, "is_intact": True, "metadata": bundle.metadata, "files": files}


def _features(row: bytes, model: Bundle | None, missing: list[str]) -> dict[str, float | None] | None:
    names: Sequence[str] = [] if model is None else model.metadata.get("features", [])
    values = struct.unpack(f"<{len(row) // 4}f", row)
    if len(names) != len(values):
        missing.append(f"features: the model names {len(names)}, the log holds {len(values)} values")
        return None
    return {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=True)}


def _promotion(home: Home, entry: LogEntry, missing: list[str]) -> dict[str, Any] | None:
    answer = entry.answer
    records = home.ledger.records(answer.target)
    found = next((record for record in records if record.sequence == answer.decision), None)
    if found is None:
        missing.append(f"promotion: the ledger has no entry {answer.decision} of {answer.target}")
        return None
    if answer.model not in {found.content().get("challenger"), found.content().get("champion")}:
        missing.append(f"promotion: entry {answer.decision} of the ledger is about another model")
    if found.expected_digest() != found.digest:
        missing.append(f"promotion: entry {answer.decision} of the ledger was changed; run `parivision ledger verify`")
    return _record(found)


def _record(record: Record) -> dict[str, Any]:
    content = record.content()
    return {
        "entry": record.sequence,
        "digest": record.digest,
        "recorded_at": record.recorded_at,
        "kind": record.kind,
        "verdict": content.get("verdict"),
        "reason": record.reason,
        "actor": record.actor,
        "decision_bundle": content.get("decision_bundle"),
    }


def _runs(
    home: Home, answer: Answer, made: dict[str, Provenance | None], missing: list[str], *, ask_mlflow: bool
) -> dict[str, str | None]:
    model, state = made[MODEL], made[STATE] or Provenance()
    if model is None and ask_mlflow:
        try:
            mlflow_run = home.registry.run_of_bundle(answer.target, answer.model)
            model = Provenance(home.registry.dagster_run(mlflow_run), mlflow_run)
        except LookupError as error:
            missing.append(f"runs: {error}")
    for name, found in ((MODEL, model), (STATE, made[STATE])):
        if found is None:
            missing.append(f"runs: which run made the {name} was not recorded; it is older than such records")
    known = model or Provenance()
    return {
        "model_mlflow_run": known.mlflow_run,
        "model_dagster_run": known.dagster_run,
        "state_dagster_run": state.dagster_run,
    }


def _data_versions(home: Home, model: Bundle | None, missing: list[str]) -> list[dict[str, Any]]:
    versions: dict[str, str] = {} if model is None else model.metadata.get("data_versions", {})
    if not versions and model is not None:
        missing.append("data versions: the model does not say which tables it learnt from")
    found = []
    for name, digest in sorted(versions.items()):
        table, _, partition = name.partition("/")
        is_kept = home.tables.holds(digest)
        if not is_kept:
            missing.append(f"data versions: {name} {digest[:12]}… is no longer here")
        found.append({"table": table, "partition": partition, "digest": digest, "is_kept": is_kept})
    return found


def _raw_files(
    home: Home, entry: LogEntry, model: Bundle | None, made: dict[str, Provenance | None], missing: list[str]
) -> list[dict[str, Any]]:
    """Return the raw files that had been received when model and state were made, oldest landing first.

    Where that was not recorded they are those that had landed when the question was asked: all that were read, and
    perhaps later ones.
    """
    seasons = [int(season) for season in (model.metadata if model else {}).get("train_seasons", [])]
    behind: dict[str, tuple[LandedObject, set[str]]] = {}
    for name, provenance in made.items():
        if provenance is not None:
            files = received(home, provenance.landed)
        else:
            until = max(seasons, default=0) if name == MODEL else entry.answer.as_of.year + 1
            files = received_by(home, until, dt.datetime.fromisoformat(entry.asked_at))
            missing.append(
                f"raw files: what the {name} was made from was not recorded; shown is what had landed by then"
            )
        for file in files:
            behind.setdefault(file.sha256, (file, set()))[1].add(name)
    if not behind:
        missing.append("raw files: none is on record in the landing zone")
    gone = [sha256 for sha256 in behind if not home.landing.is_kept(sha256)]
    missing += [f"raw files: the bytes of {sha256} are no longer here" for sha256 in gone]
    return [
        {
            "dataset": file.dataset,
            "partition": file.partition,
            "name": file.name,
            "sha256": sha256,
            "size_bytes": file.size_bytes,
            "landed_at": file.landed_at.isoformat(),
            "behind": sorted(names),
            "is_kept": sha256 not in gone,
        }
        for sha256, (file, names) in sorted(behind.items(), key=lambda item: (item[1][0].landed_at, item[0]))
    ]


def _outcome(home: Home, entry: LogEntry) -> dict[str, Any]:
    """Return what became of the answer, as `prediction_outcomes` has it."""
    if entry.event is None:
        return {"state": "hypothetical", "meaning": STATES["hypothetical"], "outcome": None, "known_on": None}
    name = PREDICTION_OUTCOMES.name
    mine = pl.col("prediction_id") == entry.prediction_id
    partitions = home.tables.partitions(name)
    rows = home.tables.read(name, partitions, ["state", "outcome", "known_on"], mine) if partitions else pl.DataFrame()
    if rows.is_empty():
        return {"state": "pending", "meaning": "not joined with outcomes yet", "outcome": None, "known_on": None}
    state, outcome, known_on = rows.row(0)
    known = None if known_on is None else known_on.isoformat()
    return {"state": state, "meaning": STATES[state], "outcome": outcome, "known_on": known}
