"""A drift report's pages: which rows Evidently is shown, and what a reader must know of them."""

from dataclasses import dataclass

import polars as pl

from parivision_assets.core.drift import DriftSummary
from parivision_assets.quality.drift_reports import (
    PROBABILITY,
    SCORED_ROWS,
    Page,
    classification,
    data_drift,
    sample_rows,
)
from parivision_assets.stores.drift_window import DriftWindow
from parivision_assets.stores.reports import (
    CLASSIFICATION_FIGURES,
    CLASSIFICATION_PAGE,
    DATA_DRIFT_FIGURES,
    DATA_DRIFT_PAGE,
)


@dataclass(frozen=True)
class ReportFiles:
    """Pages and figures by name, why a part is missing, and notes for the reader."""

    files: dict[str, bytes]
    skipped: dict[str, str]
    notes: tuple[str, ...]


def report_files(window: DriftWindow, summary: DriftSummary) -> ReportFiles:
    """Return Evidently's two reports of a window, on samples that repeat."""
    target = window.target
    title = f"{target.name}, {window.first_date} to {window.last_date}"
    limits = {column.column: column.limit for column in summary.input.columns}
    reference, current = (sample_rows(rows, target.table.key) for rows in (window.reference, window.current))
    drift_notes = (
        f"Reference: {reference.height:,} of {window.reference.height:,} rows that the champion learnt from.",
        f"The champion learnt until {window.trained_until}.",
        f"Current: {current.height:,} of the window's {window.current.height:,} predicted events.",
        "The verdict is the summary's, over all rows; what follows the calendar (season_day) always differs here.",
    )
    features = (*target.features, *target.offset_features)
    drift = data_drift(reference, current, features, f"{title}: data drift", drift_notes, limits)
    before, now = (
        sample_rows(_scored(rows), target.table.key, SCORED_ROWS) for rows in (window.earlier, window.current)
    )
    came_from = "that the same champion made earlier, since it was trained"
    if not before.height and window.holdout is not None:
        before = sample_rows(_scored(window.holdout), ["game_date", "game", "probability", "label"], SCORED_ROWS)
        came_from = "of games held back while the champion was made"
    quality_notes = (
        f"Current: {now.height:,} scored predictions of the window.",
        f"Reference: {before.height:,} predictions {came_from}."
        if before.height
        else "No reference: the champion has no scored prediction before this window.",
    )
    quality = classification(
        _outcomes(before) if before.height else None, _outcomes(now), "label",
        f"{title}: classification quality", quality_notes,
    )  # fmt: skip
    files: dict[str, bytes] = {}
    skipped: dict[str, str] = {}
    for part, page, names in (
        ("data drift", drift, (DATA_DRIFT_PAGE, DATA_DRIFT_FIGURES)),
        ("classification", quality, (CLASSIFICATION_PAGE, CLASSIFICATION_FIGURES)),
    ):
        files |= _files(page, *names)
        skipped |= {part: page.skipped} if page.skipped else {}
    return ReportFiles(files, skipped, (*drift_notes[:3], *quality_notes))


def _files(page: Page, html: str, figures: str) -> dict[str, bytes]:
    return {} if page.skipped else {html: page.html, figures: page.figures}


def _scored(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("label").is_not_null())


def _outcomes(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("label", pl.col("probability").alias(PROBABILITY))
