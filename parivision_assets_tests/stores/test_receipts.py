"""Receipts: every link of the chain, and every link that does not hold said in words."""

import datetime as dt
import json
import struct
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES
from parivision_assets.stores.home import Home
from parivision_assets.stores.prediction_log import LogEntry
from parivision_assets.stores.provenance import (
    Provenance,
    landed_numbers,
    provenance_of,
    received,
    record_provenance,
)
from parivision_assets.stores.receipts import PredictionAbsentError, receipt
from parivision_assets_tests.small_platform import import_foreign_libraries
from parivision_assets_tests.stores.log_entries import ANSWER, TIME_LIMIT_S, entry
from parivision_assets_tests.stores.small_champions import home_at, model, promote, promotion

TARGET = "shot_pre_release"
NAMES = ["x_ft", "y_ft", "clock_s"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with three landed files and one table version."""
    made = home_at(tmp_path / "home")
    for name in ("first", "second"):
        made.landing.land("shots", 2023, name.encode(), url=f"file:///{name}.csv")
    made.landing.land("games", 2024, b"games", url="file:///games.csv")
    made.tables.write("shot_features", 2023, pl.DataFrame({"x": [1]}))
    return made


def bundle(home: Home, **metadata: object) -> str:
    versions = {"shot_features/2023": home.tables.version("shot_features", 2023).digest}
    known = {"target": TARGET, "features": NAMES, "train_seasons": [2023], "data_versions": versions}
    return home.bundles.write_bundle({"model/model.json": b"{}"}, known | metadata).digest


def answered(home: Home, digest: str, decision: int, **changes: object) -> LogEntry:
    state = home.bundles.write_bundle({"players.json": b"{}"}, {"kind": "serving_state"}).digest
    row = struct.pack("<3f", 1.0, 12.5, float("nan"))
    answer = replace(ANSWER, target=TARGET, model=digest, state=state, decision=decision, features=row)
    made = entry(answer=answer, asked_at=dt.datetime.now(dt.UTC).isoformat(), **changes)
    home.prediction_log.append([made]).result(TIME_LIMIT_S)
    return made


def chained(home: Home, **changes: object) -> LogEntry:
    """Return an answer whose every link was recorded."""
    digest = bundle(home)
    record = promote_unregistered(home, digest)
    made = answered(home, digest, record, **changes)
    record_provenance(home, digest, Provenance("dagster-1", "mlflow-1", {"shots/2023": 1}))
    record_provenance(home, made.answer.state, Provenance("dagster-2", None, landed_numbers(home, 2024)))
    return made


def promote_unregistered(home: Home, digest: str) -> int:
    record = home.ledger.settle(lambda _head: promotion(home, digest, TARGET))
    assert record is not None
    return record.sequence


def test_a_whole_chain_has_every_link_and_nothing_missing(home: Home) -> None:
    made = chained(home)
    shown = receipt(home, made.prediction_id)
    assert shown.not_reached == []
    assert shown.question == {"x_ft": 1.0}
    assert shown.features == {"x_ft": 1.0, "y_ft": 12.5, "clock_s": None}
    assert shown.answer["probability"] == ANSWER.probability
    assert shown.promotion is not None
    assert (shown.promotion["entry"], shown.promotion["actor"]) == (made.answer.decision, "gate")
    assert shown.runs == {
        "model_mlflow_run": "mlflow-1", "model_dagster_run": "dagster-1", "state_dagster_run": "dagster-2",
    }  # fmt: skip
    assert [(item["table"], item["is_kept"]) for item in shown.data_versions] == [("shot_features", True)]
    assert [(item["name"], item["behind"]) for item in shown.raw_files] == [
        ("first.csv", ["model", "state"]), ("second.csv", ["state"]), ("games.csv", ["state"]),
    ]  # fmt: skip
    assert shown.outcome["state"] == "hypothetical"
    assert json.loads(json.dumps(shown.to_dict(), allow_nan=False)) == shown.to_dict()


def test_an_unknown_prediction_is_said_plainly(home: Home) -> None:
    for unknown in ("0" * 32, "nope", "\x00", "'; DROP TABLE prediction_log"):
        with pytest.raises(PredictionAbsentError, match="the log holds no prediction"):
            receipt(home, unknown)


def test_a_flipped_byte_a_lost_version_and_lost_bytes_are_named(home: Home) -> None:
    made = chained(home)
    path = home.bundles.root / "bundles" / made.answer.model / "model" / "model.json"
    path.write_bytes(b"[}")
    home.tables.version("shot_features", 2023).path.unlink()
    sha256 = home.landing.objects("shots", 2023)[0].sha256
    home.landing._path(sha256).unlink()
    shown = receipt(home, made.prediction_id)
    assert shown.model == {"digest": made.answer.model, "is_intact": False}
    assert any("was changed after it was written" in words for words in shown.not_reached)
    assert f"raw files: the bytes of {sha256} are no longer here" in shown.not_reached


def test_a_table_version_that_was_pruned_is_named(home: Home) -> None:
    made = chained(home)
    home.tables.version("shot_features", 2023).path.unlink()
    shown = receipt(home, made.prediction_id)
    assert [item["is_kept"] for item in shown.data_versions] == [False]
    assert any("shot_features/2023" in words and "no longer here" in words for words in shown.not_reached)


def test_a_decision_that_is_not_there_or_is_about_another_model_is_named(home: Home) -> None:
    digest = bundle(home)
    promote_unregistered(home, bundle(home, other="model"))
    for decision, words in ((99, "the ledger has no entry 99"), (1, "entry 1 of the ledger is about another model")):
        shown = receipt(home, answered(home, digest, decision).prediction_id)
        assert any(words in missing for missing in shown.not_reached)


def test_what_was_made_before_runs_were_recorded_shows_what_had_landed_and_says_so(home: Home) -> None:
    digest = bundle(home)
    made = answered(home, digest, promote_unregistered(home, digest))
    home.landing.land("shots", 2023, b"later", url="file:///later.csv")
    shown = receipt(home, made.prediction_id)
    assert [item["name"] for item in shown.raw_files] == ["first.csv", "second.csv", "games.csv"]
    assert shown.runs["model_mlflow_run"] is None
    assert sum("was not recorded" in words for words in shown.not_reached) == 4


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_registry_is_asked_for_runs_only_where_it_is_said(home: Home) -> None:
    import_foreign_libraries()
    digest = model(home, "a model", TARGET)
    made = answered(home, digest, promote(home, digest, TARGET).sequence)
    assert receipt(home, made.prediction_id).runs["model_mlflow_run"] is None
    shown = receipt(home, made.prediction_id, ask_mlflow=True)
    assert shown.runs["model_mlflow_run"] == home.registry.run_of_bundle(TARGET, digest)


def test_the_outcome_is_what_the_asset_says_and_pending_before(home: Home) -> None:
    made = chained(home, event="1/2/3/4", game="1", game_date=dt.date(2024, 1, 3))
    assert receipt(home, made.prediction_id).outcome["state"] == "pending"
    row = {
        "prediction_id": made.prediction_id, "target": TARGET, "role": "answered", "model": "m", "event": "1/1",
        "game": "1", "game_date": dt.date(2024, 1, 3), "as_of": dt.date(2024, 1, 2), "probability": 0.5,
        "state": "scored", "outcome": True, "earlier_outcome": None, "known_on": dt.date(2024, 1, 4),
        "label_delay_days": 1,
    }  # fmt: skip
    frame = PREDICTION_OUTCOMES.conform(pl.DataFrame([row], schema=PREDICTION_OUTCOMES.schema))
    home.tables.write(PREDICTION_OUTCOMES.name, 2024, frame)
    assert receipt(home, made.prediction_id).outcome == {
        "state": "scored", "meaning": "the outcome is known", "outcome": True, "known_on": "2024-01-04",
    }  # fmt: skip


def test_the_first_record_of_how_a_bundle_came_about_stays(home: Home) -> None:
    first = Provenance("run-1", None, landed_numbers(home, 2023))
    record_provenance(home, "a" * 64, first)
    record_provenance(home, "a" * 64, Provenance("run-2"))
    assert provenance_of(home, "a" * 64) == first
    assert first.landed == {"shots/2023": 2}
    assert [file.name for file in received(home, first.landed)] == ["first.csv", "second.csv"]
    assert provenance_of(home, "b" * 64) is None
