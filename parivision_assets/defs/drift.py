"""Drift reports: one asset per target, its verdict an asset check that never blocks.

What is read is `stores.drift_window`, what is said `core.drift`, Evidently's pages `quality.drift_reports`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.drift import DriftSummary, Severity
from parivision_assets.core.drift_report import daily_residuals, judge_window
from parivision_assets.core.monitoring_tables import PREDICTION_OUTCOMES
from parivision_assets.core.targets import Target
from parivision_assets.defs.drift_pages import report_files
from parivision_assets.defs.failed_checks import with_failed_checks
from parivision_assets.defs.partitions import this_and_earlier
from parivision_assets.defs.publishing import OWNERS, image, markdown_table
from parivision_assets.pictures import drift_png
from parivision_assets.stores.drift_window import DriftWindow, NothingToReportError, collect_window
from parivision_assets.stores.home import Home
from parivision_assets.stores.reports import DATA_DRIFT_PAGE, PICTURE_FILE, StoredReport

VERDICT_CHECK = "verdict"
LEVELS = {
    Severity.NONE: dg.AssetCheckSeverity.WARN,
    Severity.MINOR: dg.AssetCheckSeverity.WARN,
    Severity.MAJOR: dg.AssetCheckSeverity.ERROR,
}


class DriftReportConfig(dg.Config):
    """Which games a report is about; the newest ones that the champion predicted when nothing is said."""

    first_date: str | None = Field(default=None, description="First game date of the window, such as 2021-02-01")
    last_date: str | None = Field(default=None, description="Last game date of the window")
    champion: str | None = Field(
        default=None, description="Digest of the model's bundle to report on; the champion that serves when empty"
    )

    def dates(self) -> tuple[dt.date | None, dt.date | None]:
        """Return the window's dates; raise dg.Failure in words for text that is no date or a window backwards."""
        try:
            first, last = (
                None if text is None else dt.date.fromisoformat(text) for text in (self.first_date, self.last_date)
            )
        except ValueError:
            raise dg.Failure(
                f"a window's dates are written like 2021-02-01, not {self.first_date!r} and {self.last_date!r}"
            ) from None
        if first is not None and last is not None and last < first:
            raise dg.Failure(f"the window ends on {last}, before it begins on {first}; give the earlier date first")
        return first, last


def drift_report_asset(target: Target, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the drift report of one target; its value is kept by `stores.reports`."""
    name = f"{target.name}_drift_report"
    earlier = this_and_earlier(list(partitions.get_partition_keys()))

    @dg.asset(
        name=name,
        group_name="monitoring",
        description=f"Has the input moved, has the relation moved, is the data broken? {target.description}",
        owners=list(OWNERS),
        kinds={"evidently"},
        code_version="1",
        partitions_def=partitions,
        deps=[
            dg.AssetDep(target.table.name, partition_mapping=earlier),
            dg.AssetDep(PREDICTION_OUTCOMES.name, partition_mapping=earlier),
            f"{target.name}_champion",
        ],
        check_specs=[
            dg.AssetCheckSpec(
                VERDICT_CHECK,
                asset=name,
                description="Nothing moved and the data is whole; a warning or an error by severity, never blocking",
                partitions_def=partitions,
            )
        ],
    )
    def drift_report(
        context: dg.AssetExecutionContext, config: DriftReportConfig, home: dg.ResourceParam[Home]
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        try:
            window = collect_window(home, target, int(context.partition_key), *config.dates(), config.champion)
        except NothingToReportError as error:
            yield from nothing_to_report(name, str(error))
            return
        quality = with_failed_checks(context.instance, target, context.partition_key, window.outcomes.quality())
        summary = judge_window(
            target, window.champion, window.observed, window.recorded, quality,
            (window.first_date, window.last_date), window.holdout,
        )  # fmt: skip
        kept = keep_report(home, window, summary, context.run_id)
        yield verdict_check(name, summary)
        yield dg.MaterializeResult(
            asset_key=name, metadata=report_metadata(home, kept, summary), data_version=dg.DataVersion(kept.digest)
        )

    return drift_report


def keep_report(home: Home, window: DriftWindow, summary: DriftSummary, run_id: str | None) -> StoredReport:
    """Make the pages and the picture, and keep the report."""
    pages = report_files(window, summary)
    picture = drift_png(summary, daily_residuals(window.observed))
    files = {**pages.files, PICTURE_FILE: picture}
    return home.reports.keep(summary, window.season, files, skipped=pages.skipped, notes=pages.notes, run_id=run_id)


def nothing_to_report(name: str, reason: str) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """Yield a passed check and an output that say why there is no report; earlier reports stay."""
    yield dg.AssetCheckResult(
        passed=True, asset_key=name, check_name=VERDICT_CHECK, description=f"absent: {reason}",
        metadata={"state": "absent"},
    )  # fmt: skip
    yield dg.MaterializeResult(
        asset_key=name, metadata={"state": "absent", "reason": reason}, data_version=dg.DataVersion("absent")
    )


def verdict_check(name: str, summary: DriftSummary) -> dg.AssetCheckResult:
    """Return the verdict as a check: passed where nothing matters, else a warning or an error by severity."""
    return dg.AssetCheckResult(
        passed=summary.severity is Severity.NONE,
        asset_key=name,
        check_name=VERDICT_CHECK,
        severity=LEVELS[summary.severity],
        description=f"{summary.verdict}: {summary.reason}",
        metadata={"verdict": summary.verdict, "severity": summary.severity.value, "retrain": summary.retrain},
    )


def report_metadata(home: Home, kept: StoredReport, summary: DriftSummary) -> dict[str, Any]:
    """Return what a person would want to see without opening the report."""
    folder = home.reports.folder(kept.digest)
    page = folder / DATA_DRIFT_PAGE
    return {
        "state": "published",
        "verdict": summary.verdict,
        "severity": summary.severity.value,
        "retrain": summary.retrain,
        "reason": summary.reason,
        "window": f"{kept.first_date} … {kept.last_date}",
        "champion": kept.champion,
        "report": kept.digest,
        "input": summary.input.reason,
        "relation": summary.relation.reason,
        "data": "; ".join([summary.quality.reason, *summary.quality.problems]),
        "attribution": dg.MetadataValue.md(markdown_table(attribution_rows(summary))),
        "picture": image((folder / PICTURE_FILE).read_bytes()),
        "page": dg.MetadataValue.path(str(page if page.exists() else folder)),
    }


def attribution_rows(summary: DriftSummary) -> pl.DataFrame:
    """Return the change in log loss and its parts as a table, nats per prediction."""
    change = summary.attribution
    if change is None:
        return pl.DataFrame({"part": ["not known: no unseen games before, or no outcome"], "nats": [None]})
    parts = {
        "unseen games before": change.reference_log_loss, "this window": change.current_log_loss,
        "change": change.change_nats, "of it covariate mix": change.mix_nats, "of it concept": change.concept_nats,
        "of it noise": change.noise_nats, "standard error of the change": change.change_se,
        **{f"concept in {item.column}": item.harm_nats for item in change.columns},
    }  # fmt: skip
    return pl.DataFrame(
        {"part": list(parts), "nats": list(parts.values())}, schema={"part": pl.String, "nats": pl.Float64}
    )


def drift_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the drift reports of all targets."""
    return [drift_report_asset(target, partitions) for target in TARGETS.values()]
