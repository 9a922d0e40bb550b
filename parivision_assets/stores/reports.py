"""Drift reports: each a bundle of its summary, pages and picture, and one small index per target that lists them.

What a report says is `core.drift`; how its pages are made is `quality.drift_reports`. The same window over the same
data gives the same digest: which run made a report is kept in the index, not in the bundle.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from parivision_assets.core.adaptation import ReportHeader
from parivision_assets.core.drift import DriftSummary
from parivision_assets.stores.atomic import StoreAbsentError
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.pointers import LocalPointers, checked_name, to_json, update

KIND = "drift_report"
SUMMARY_FILE = "summary.json"
DATA_DRIFT_PAGE, DATA_DRIFT_FIGURES = "data_drift.html", "data_drift.json"
CLASSIFICATION_PAGE, CLASSIFICATION_FIGURES = "classification.html", "classification.json"
PICTURE_FILE = "picture.png"


@dataclass(frozen=True)
class StoredReport:
    """One line of the list of reports: what it is about and what it said."""

    digest: str
    target: str
    season: int
    first_date: dt.date
    last_date: dt.date
    verdict: str
    severity: str
    retrain: bool
    since: dt.date | None
    champion: str
    reason: str
    run_id: str | None = None
    """The Dagster run that made it last; it is no part of the digest."""

    @property
    def header(self) -> ReportHeader:
        """Return what the loop's policy needs of the report."""
        return ReportHeader(self.digest, self.season, self.last_date, self.verdict, self.retrain, self.since)

    def to_dict(self) -> dict[str, Any]:
        """Return the line ready for JSON, dates as ISO text."""
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the line from `to_dict`'s output."""
        dates = {name: dt.date.fromisoformat(values[name]) for name in ("first_date", "last_date")}
        since = values["since"]
        return cls(**{**values, **dates, "since": None if since is None else dt.date.fromisoformat(since)})


@dataclass(frozen=True)
class Report:
    """A whole report: its line in the list, the summary, its files by name, and why a file is not among them."""

    listed: StoredReport
    summary: DriftSummary
    files: Mapping[str, bytes]
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class ReportStore:
    """Drift reports under one local root; safe for many processes at once."""

    def __init__(self, root: Path | str) -> None:
        """Use `root`, which need not exist yet."""
        self.root = Path(root)
        self._bundles = BundleStore(self.root)
        self._index = LocalPointers(self.root / "index", self.root / "scratch")

    def keep(
        self,
        summary: DriftSummary,
        season: int,
        files: Mapping[str, bytes],
        *,
        skipped: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
        run_id: str | None = None,
    ) -> StoredReport:
        """Keep a report and list it as its target's latest; keeping the same one again gives the same digest.

        Args:
            summary: what the report says; it must name the dates of its window.
            season: the year in which the window's last season ends.
            files: pages, figures and picture by the names of this module.
            skipped: by part (`data drift`, `classification`), why it could not be made.
            notes: what a reader must know of how it was made, such as a bounded sample.
            run_id: the Dagster run.

        Raises ValueError for a summary without dates: a window without games is no report.
        """
        if summary.first_date is None or summary.last_date is None:
            raise ValueError(f"{summary.target}: a window without games has no report to keep")
        listed = StoredReport(
            digest="", target=summary.target, season=season, first_date=summary.first_date,
            last_date=summary.last_date, verdict=summary.verdict, severity=summary.severity.value,
            retrain=summary.retrain, since=summary.relation.since, champion=summary.champion, reason=summary.reason,
        )  # fmt: skip
        content = {name: value for name, value in listed.to_dict().items() if name not in {"digest", "run_id"}}
        metadata = {"kind": KIND, **content, "skipped": dict(skipped or {}), "notes": list(notes)}
        ref = self._bundles.write_bundle({**files, SUMMARY_FILE: to_json(summary.to_dict())}, metadata)
        listed = replace(listed, digest=ref.digest, run_id=run_id)

        def change(old: bytes | None) -> bytes:
            others = [line for line in _lines(old) if line.digest != listed.digest]
            return to_json({"reports": [line.to_dict() for line in (*others, listed)]})

        update(self._index, checked_name(summary.target), change)
        return listed

    def reports(self, target: str | None = None) -> list[StoredReport]:
        """Return the reports of one target or of all, newest window first, of equal windows the one made last."""
        targets = self._index.names() if target is None else [checked_name(target)]
        found: list[StoredReport] = []
        for name in targets:
            kept = self._index.get(name)
            found += reversed(_lines(None if kept is None else kept[0]))
        # A stable sort keeps the order of making among equal dates.
        return sorted(found, key=lambda line: line.last_date, reverse=True)

    def newest(self, target: str) -> StoredReport | None:
        """Return a target's newest report, None before its first."""
        return next(iter(self.reports(target)), None)

    def read(self, digest: str) -> Report:
        """Return a whole report, every byte checked.

        Raises StoreAbsentError when there is none, StoreDamagedError naming the file that was changed.
        """
        listed = next((line for line in self.reports() if line.digest == digest), None)
        if listed is None:
            raise StoreAbsentError(f"there is no report {digest[:12]}… under {self.root}")
        bundle = self._bundles.read_bundle(digest)
        summary = DriftSummary.from_dict(json.loads(bundle.files[SUMMARY_FILE]))
        return Report(listed, summary, bundle.files, bundle.metadata["skipped"], tuple(bundle.metadata["notes"]))

    def folder(self, digest: str) -> Path:
        """Return the folder in which a report's files lie."""
        return self.root / "bundles" / digest


def _lines(content: bytes | None) -> list[StoredReport]:
    return [] if content is None else [StoredReport.from_dict(line) for line in json.loads(content)["reports"]]
