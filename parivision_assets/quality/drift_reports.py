"""Evidently's data-drift and classification reports of one window against a reference, as pages and figures.

The verdict is `core.drift`'s, over all rows; Evidently shows the same columns on bounded samples. What
cannot be compared (no value, always the same value, no label) is left out, and the page says why.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from parivision_assets.core.features import Feature
from parivision_assets.quality.pages import self_contained

SAMPLE_ROWS = 5_000
"""Rows of each side of a comparison: more change no figure that is shown and cost seconds."""

SCORED_ROWS = 10_000
"""Rows on which classification quality is shown; a log loss needs more of them than a histogram."""

DEFAULT_PSI_LIMIT = 0.1
"""Where the summary holds a column against no limit of its own: the usual threshold of a noticeable shift."""

FEW_VALUES = 10
"""A number with no more distinct values than this is compared value by value, as a category."""

PROBABILITY = "probability"


@dataclass(frozen=True)
class Page:
    """One Evidently report: the page, the figures for programs, or in words why there is none."""

    html: bytes = b""
    figures: bytes = b""
    skipped: str = ""


@dataclass(frozen=True)
class Comparison:
    """The columns that can be compared, prepared for Evidently, and why others were left out."""

    reference: pl.DataFrame
    current: pl.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By column, categories of the window that the reference does not have."""


def sample_rows(frame: pl.DataFrame, order: Sequence[str], rows: int = SAMPLE_ROWS, seed: int = 1) -> pl.DataFrame:
    """Return about every n-th row of the frame sorted by `order`, the first drawn by seed; all when there are fewer.

    Every game and date has its share, where a draw of whole games would show a few teams only. The frame's own
    order does not matter as long as `order` is a key.
    """
    if frame.height <= rows:
        return frame.sort(order)
    step = frame.height / rows
    start = np.random.default_rng(seed).uniform(0, step)
    chosen = np.floor(start + step * np.arange(rows)).astype(np.int64)
    return frame.sort(order).select(pl.all().gather(chosen))


def data_drift(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    features: Sequence[Feature],
    title: str,
    notes: Sequence[str] = (),
    psi_limits: Mapping[str, float] | None = None,
) -> Page:
    """Return Evidently's data-drift report of the features.

    Args:
        reference: rows, sampled, that the champion was trained on.
        current: rows, sampled, of the window.
        features: what to compare.
        title: heading of the page.
        notes: what the samples are, in sentences.
        psi_limits: by column, the limit that the summary holds its PSI against.

    Categories are compared by PSI. Numbers are compared by Wasserstein distance in standard deviations of the
    reference, against the square root of the limit: when a normal variable's mean moves by d deviations its PSI is d²
    (the sum of the two Kullback-Leibler divergences) and its Wasserstein distance d.
    """
    if problem := _too_few(reference, current):
        return Page(skipped=problem)
    compared = comparison(reference, current, features)
    names = [*compared.numbers, *compared.categories]
    if not names:
        return Page(skipped="no column can be compared: " + _listed(compared.left_out))
    methods = {name: "wasserstein" if name in compared.numbers else "psi" for name in names}
    limits = {name: _limit(name, methods[name], psi_limits or {}) for name in names}
    with _quiet():
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(
            numerical_columns=list(compared.numbers), categorical_columns=list(compared.categories)
        )
        sides = [
            Dataset.from_pandas(side.select(names).to_pandas(), data_definition=definition)
            for side in (compared.current, compared.reference)
        ]
        # One column that moved is drift; Evidently's default asks for half of them.
        preset = DataDriftPreset(
            columns=names, per_column_method=methods, per_column_threshold=limits, drift_share=1 / len(names)
        )
        snapshot = Report([preset]).run(*sides)
        html = snapshot.get_html_str(as_iframe=False)
        values = _drift_values(snapshot.dict())
    columns = [
        {
            "column": name,
            "method": methods[name],
            "value": values[name],
            "limit": _round(limits[name]),
            "moved": values[name] is not None and values[name] >= limits[name],
        }
        for name in sorted(names)
    ]
    said = [*notes, *_left_out_notes(compared)]
    figures = {
        "columns": columns,
        "left_out": dict(compared.left_out),
        "unseen_categories": {name: list(values) for name, values in compared.unseen.items()},
        "reference_rows": reference.height,
        "current_rows": current.height,
        "notes": list(notes),
    }
    return Page(self_contained(html, title, said), _json(figures))


def classification(
    reference: pl.DataFrame | None,
    current: pl.DataFrame,
    label: str,
    title: str,
    notes: Sequence[str] = (),
) -> Page:
    """Return Evidently's classification-quality report of predictions with known outcomes.

    Args:
        reference: rows with `label` and `probability` on which the champion was judged, or None.
        current: the same of the window; rows without an outcome are not counted.
        label: name of the outcome (true or false).
        title: heading of the page.
        notes: what the rows are, in sentences.
    """
    scored = _scored(current, label)
    if problem := _unscorable(scored, label):
        return Page(skipped=problem)
    known = None if reference is None else _scored(reference, label)
    said = list(notes)
    if known is not None and (problem := _unscorable(known, label)):
        said.append(f"Shown without a reference: {problem}.")
        known = None
    with _quiet():
        from evidently import BinaryClassification, DataDefinition, Dataset, Report
        from evidently.presets import ClassificationPreset

        task = BinaryClassification(target=label, prediction_probas=PROBABILITY, pos_label=1)
        definition = DataDefinition(classification=[task], categorical_columns=[label], numerical_columns=[PROBABILITY])
        sides = [
            None if side is None else Dataset.from_pandas(side.to_pandas(), data_definition=definition)
            for side in (scored, known)
        ]
        snapshot = Report([ClassificationPreset()]).run(*sides)
        html = snapshot.get_html_str(as_iframe=False)
    figures = {
        "current": _quality_values(snapshot.dict()["metrics"]),
        "reference": _reference_values(snapshot),
        "current_rows": scored.height,
        "reference_rows": 0 if known is None else known.height,
        "notes": said,
    }
    return Page(self_contained(html, title, said), _json(figures))


def comparison(reference: pl.DataFrame, current: pl.DataFrame, features: Sequence[Feature]) -> Comparison:
    """Return the features of both sides ready to compare: numbers as float, everything counted by value as text."""
    numbers, categories, left_out, unseen = [], [], {}, {}
    sides: tuple[list[pl.Series], list[pl.Series]] = ([], [])
    for feature in features:
        pair = [_column(side, feature.name) for side in (reference, current)]
        if problem := _incomparable(pair[0], pair[1], is_number=not feature.is_category):
            left_out[feature.name] = problem
            continue
        if feature.is_category or pl.concat([pair[0], pair[1]]).drop_nulls().n_unique() <= FEW_VALUES:
            pair = [_as_text(column) for column in pair]
            categories.append(feature.name)
            if new := sorted(set(pair[1].drop_nulls()) - set(pair[0].drop_nulls())):
                unseen[feature.name] = tuple(new)
        else:
            numbers.append(feature.name)
        for side, column in zip(sides, pair, strict=True):
            side.append(column)
    return Comparison(
        pl.DataFrame(sides[0]), pl.DataFrame(sides[1]), tuple(numbers), tuple(categories), left_out, unseen
    )


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    if name not in frame.columns:
        return pl.Series(name, [None] * frame.height, pl.Float64)
    column = frame[name]
    if column.dtype in {pl.String, pl.Categorical, pl.Enum}:
        return column.cast(pl.String)
    return column.cast(pl.Float64).fill_nan(None)


def _as_text(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column
    return pl.Series(column.name, [None if value is None else f"{value:g}" for value in column], pl.String)


def _incomparable(reference: pl.Series, current: pl.Series, *, is_number: bool) -> str:
    """Return in words why a column cannot be compared, empty when it can."""
    values = [side.drop_nulls() for side in (reference, current)]
    for side, where in zip(values, ("the reference", "the window"), strict=True):
        if side.is_empty():
            return f"has no value in {where}"
    constant = [side.n_unique() == 1 for side in values]
    if all(constant) and values[0][0] == values[1][0]:
        return f"is always {values[0][0]}"
    if is_number and constant[0] and values[1].n_unique() > FEW_VALUES:
        return f"is always {values[0][0]:g} in the reference, so that no distance has a scale"
    return ""


def _too_few(reference: pl.DataFrame, current: pl.DataFrame) -> str:
    for frame, where in ((reference, "the reference"), (current, "the window")):
        if frame.height < 2:
            return f"{where} has {frame.height} rows; nothing can be compared"
    return ""


def _scored(frame: pl.DataFrame, label: str) -> pl.DataFrame:
    """Return outcomes (0 or 1: Evidently orders words differently in each process) and probabilities, where known."""
    return frame.select(pl.col(label).cast(pl.Int64), pl.col(PROBABILITY).cast(pl.Float64)).drop_nulls()


def _unscorable(scored: pl.DataFrame, label: str) -> str:
    if scored.is_empty():
        return "no prediction has an outcome yet"
    if scored[label].n_unique() == 1:
        word = "yes" if scored[label][0] else "no"
        return f"all {scored.height:,} outcomes are '{word}'; quality needs both"
    return ""


def _limit(name: str, method: str, psi_limits: Mapping[str, float]) -> float:
    limit = psi_limits.get(name, DEFAULT_PSI_LIMIT)
    return math.sqrt(limit) if method == "wasserstein" else limit


def _left_out_notes(compared: Comparison) -> Iterator[str]:
    if compared.left_out:
        yield f"Left out: {_listed(compared.left_out)}."
    for name, values in compared.unseen.items():
        yield f"{name} has values that the reference lacks: {', '.join(values[:8])}{', …' if len(values) > 8 else ''}."


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {reason}" for name, reason in reasons.items())


def _drift_values(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the distance of each column from Evidently's results."""
    return {
        str(metric["config"]["column"]): _round(metric["value"])
        for metric in figures["metrics"]
        if "column" in metric["config"]
    }


def _quality_values(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return Evidently's classification figures by name; figures by label are nested."""
    found: dict[str, Any] = {}
    for metric in metrics:
        name, value = str(metric["metric_name"]).partition("(")[0], metric["value"]
        found[name] = (
            {str(item): _round(part) for item, part in value.items()} if isinstance(value, dict) else _round(value)
        )
    return found


def _reference_values(snapshot: Any) -> dict[str, Any]:
    if not snapshot.context.has_reference:
        return {}
    results = [
        snapshot.context.get_reference_metric_result(metric["id"]).to_dict() for metric in snapshot.dict()["metrics"]
    ]
    return _quality_values(results)


def _round(value: Any) -> float | None:
    """Return ten significant digits: Evidently adds up in an order that differs from process to process."""
    number = float(value)
    return float(f"{number:.10g}") if math.isfinite(number) else None


def _json(figures: Mapping[str, Any]) -> bytes:
    from importlib.metadata import version

    content = {"evidently": version("evidently"), **figures}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the warnings of Evidently's libraries to itself; its results are checked here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
