import datetime as dt
from dataclasses import replace

import pytest

from parivision_assets.core.drift import (
    DriftSummary,
    InputAnswer,
    QualityAnswer,
    RelationAnswer,
    Severity,
)
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError
from parivision_assets.stores.reports import PICTURE_FILE, ReportStore


def summary(target="game", last=dt.date(2022, 2, 1), retrain=False, champion="c" * 64) -> DriftSummary:
    relation = RelationAnswer(
        moved=retrain, harm_nats=0.004 if retrain else 0.0, harm_se=0.001, log_e_value=9.0 if retrain else -1.0,
        since=dt.date(2022, 1, 15) if retrain else None, columns=(), rows=900, game_days=30, reason="words",
    )  # fmt: skip
    return DriftSummary(
        target=target, champion=champion, first_date=last - dt.timedelta(days=30), last_date=last,
        severity=Severity.MAJOR if retrain else Severity.NONE, drifted=(),
        input=InputAnswer(moved=False, columns=(), reason="words"), relation=relation,
        quality=QualityAnswer(broken=False, problems=(), events=900, pending=0, reason="words"),
        attribution=None, retrain=retrain, reason="nothing moved",
    )  # fmt: skip


FILES = {PICTURE_FILE: b"png", "data_drift.html": b"<p>page</p>"}


@pytest.fixture
def store(tmp_path) -> ReportStore:
    return ReportStore(tmp_path / "reports")


def test_an_empty_store_lists_nothing(store):
    assert store.reports() == []
    assert store.newest("game") is None
    with pytest.raises(StoreAbsentError, match="no report"):
        store.read("0" * 64)


def test_a_report_is_read_back_whole(store):
    kept = store.keep(
        summary(retrain=True), 2022, FILES, skipped={"classification": "no labels"}, notes=("5,000 rows",), run_id="r1"
    )
    report = store.read(kept.digest)
    assert report.listed == kept
    assert report.summary == summary(retrain=True)
    assert report.files[PICTURE_FILE] == b"png"
    assert report.skipped == {"classification": "no labels"}
    assert report.notes == ("5,000 rows",)
    assert kept.header.since == dt.date(2022, 1, 15)
    assert (kept.header.digest, kept.header.season, kept.header.retrain) == (kept.digest, 2022, True)


def test_the_same_report_again_has_the_same_digest_and_one_line(store):
    first = store.keep(summary(), 2022, FILES, run_id="r1")
    again = store.keep(summary(), 2022, FILES, run_id="r2")
    assert again.digest == first.digest
    assert [line.run_id for line in store.reports()] == ["r2"]


def test_newest_is_by_window_then_by_making(store):
    newer = store.keep(summary(last=dt.date(2022, 3, 1)), 2022, FILES)
    older = store.keep(summary(last=dt.date(2022, 2, 1)), 2022, FILES)
    corrected = store.keep(summary(last=dt.date(2022, 3, 1), retrain=True), 2022, FILES)
    other = store.keep(summary("shot_post_event", dt.date(2022, 2, 15)), 2022, FILES)
    assert [r.digest for r in store.reports()] == [corrected.digest, newer.digest, other.digest, older.digest]
    assert store.newest("game") == corrected
    # Data that went back to what it was makes the first report the newest again.
    store.keep(summary(last=dt.date(2022, 3, 1)), 2022, FILES)
    assert store.newest("game").digest == newer.digest


def test_a_window_without_games_is_refused_in_words(store):
    with pytest.raises(ValueError, match="window without games"):
        store.keep(replace(summary(), first_date=None, last_date=None), 2022, FILES)


def test_a_changed_file_is_named(store):
    kept = store.keep(summary(), 2022, FILES)
    (store.folder(kept.digest) / PICTURE_FILE).write_bytes(b"other")
    with pytest.raises(StoreDamagedError, match=r"picture\.png"):
        store.read(kept.digest)
