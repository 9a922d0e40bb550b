"""Great Expectations suites derived from the contracts, and their results in plain rows.

The rules live in `core.contracts`; here they become expectations, are run on one partition, and leave Data Docs on
disk. Nothing here decides what happens to a table that fails.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from parivision_assets.core.contracts import Column, Table

if TYPE_CHECKING:
    import great_expectations as gx

SuiteKind = Literal["structure", "contract"]
SAMPLE_ROWS = 5
CATEGORY_LIMIT = 200


@dataclass(frozen=True)
class ExpectationOutcome:
    """One expectation's outcome in words."""

    expectation: str
    column: str
    passed: bool
    observed: str


@dataclass(frozen=True)
class SuiteResult:
    """What a suite said of one partition, with a sample of the rows that break a rule."""

    suite: str
    passed: bool
    outcomes: tuple[ExpectationOutcome, ...]
    failing_rows: pl.DataFrame

    @property
    def failures(self) -> list[ExpectationOutcome]:
        """Return the expectations that failed."""
        return [outcome for outcome in self.outcomes if not outcome.passed]

    def summary(self) -> str:
        """Return one line a person can act on."""
        if self.passed:
            return f"{len(self.outcomes)} expectations hold"
        named = "; ".join(f"{f.column or 'table'}: {f.expectation} (saw {f.observed})" for f in self.failures[:3])
        return f"{len(self.failures)} of {len(self.outcomes)} expectations fail: {named}"


@cache
def _context() -> gx.data_context.EphemeralDataContext:
    """Return the process's ephemeral context; analytics and progress bars are off."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.analytics_enabled = False
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _column_expectations(column: Column, kind: SuiteKind) -> list[Any]:
    import great_expectations.expectations as gxe

    found: list[Any] = []
    if not column.nullable:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name))
    if kind == "structure":
        return found
    if column.minimum is not None:
        found.append(gxe.ExpectColumnMinToBeBetween(column=column.name, min_value=column.minimum))
    if column.maximum is not None:
        found.append(gxe.ExpectColumnMaxToBeBetween(column=column.name, max_value=column.maximum))
    if column.allowed is not None:
        found.append(gxe.ExpectColumnDistinctValuesToBeInSet(column=column.name, value_set=sorted(column.allowed)))
    return found


def expectations(table: Table, kind: SuiteKind, empty_columns: frozenset[str] = frozenset()) -> list[Any]:
    """Return the Great Expectations objects that say what the contract says.

    Ranges are judged by the column's extremes, not row by row: the same verdict, fifteen times faster; the rows that
    break a rule are found by the contract itself. A column without any value (`empty_columns`) has no extremes.
    """
    import great_expectations.expectations as gxe

    found: list[Any] = [
        gxe.ExpectTableColumnsToMatchOrderedList(column_list=table.names()),
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
    ]
    for column in table.columns:
        found.extend(_column_expectations(column, "structure" if column.name in empty_columns else kind))
    if kind == "contract":
        found.append(_unique(table.key))
    return found


def _unique(key: tuple[str, ...]) -> Any:
    import great_expectations.expectations as gxe

    if len(key) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=key[0])
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(key))


def failing_rows(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return up to five rows per broken rule with the rule's name, empty when every row keeps the contract."""
    samples = []
    for rule, broken in table.broken_rules().items():
        rows = frame.filter(broken).head(SAMPLE_ROWS)
        if rows.height:
            samples.append(rows.select(pl.lit(rule).alias("rule"), pl.all()))
    repeated = frame.filter(pl.struct(table.key).is_duplicated()).head(SAMPLE_ROWS)
    if repeated.height:
        samples.append(repeated.select(pl.lit(table.key_rule()).alias("rule"), pl.all()))
    return pl.concat(samples) if samples else frame.head(0).select(pl.lit("").alias("rule"), pl.all())


def validate(
    table: Table,
    frame: pl.DataFrame,
    kind: SuiteKind,
    docs: Path | None = None,
    partition: str = "",
) -> SuiteResult:
    """Run a table's suite on one partition and return the outcomes; write Data Docs when a folder is given.

    The frame must have the contract's columns: what cannot even be shaped is the caller's error to report.
    """
    import great_expectations as gx

    context = _context()
    name = f"{table.name}_{kind}"
    empty = frozenset(column for column in frame.columns if frame[column].null_count() == frame.height)
    rules = expectations(table, kind, empty)
    suite = gx.ExpectationSuite(name=name, expectations=rules)
    batch = _batch(context, table, frame)
    result = batch.validate(suite, result_format="SUMMARY" if docs else "BASIC")
    if docs is not None:
        _write_docs(result, docs / table.name / f"{partition or 'all'}.html")
    outcomes = tuple(_outcome(item) for item in result.results)
    passed = bool(result.success)
    sample = failing_rows(table, frame) if not passed and kind == "contract" else frame.head(0)
    return SuiteResult(name, passed, outcomes, sample)


def _batch(context: Any, table: Table, frame: pl.DataFrame) -> Any:
    source = context.data_sources.add_or_update_pandas("parivision")
    asset = source.add_dataframe_asset(table.name)
    definition = asset.add_batch_definition_whole_dataframe("partition")
    few = [
        name for name, dtype in frame.schema.items() if dtype == pl.String and frame[name].n_unique() <= CATEGORY_LIMIT
    ]
    # Categories make pandas' distinct values fifty times cheaper than Python strings.
    pandas = frame.with_columns(pl.col(few).cast(pl.Categorical)).to_pandas()
    return definition.get_batch(batch_parameters={"dataframe": pandas})


def _outcome(item: Any) -> ExpectationOutcome:
    config = item.expectation_config
    detail = item.result or {}
    observed = detail.get("observed_value")
    if observed is None and "unexpected_count" in detail:
        observed = f"{detail['unexpected_count']} unexpected of {detail.get('element_count', '?')}"
    if item.exception_info.get("raised_exception"):
        observed = item.exception_info.get("exception_message", "the expectation could not be computed")
    return ExpectationOutcome(
        expectation=config.type.removeprefix("expect_").replace("_", " "),
        column=str(config.kwargs.get("column", "")),
        passed=bool(item.success),
        observed=str(observed)[:200],
    )


@cache
def _page_view() -> Any:
    """Return one page view for the process: each new one would compile all its templates again."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _write_docs(result: Any, path: Path) -> None:
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    path.parent.mkdir(parents=True, exist_ok=True)
    for item in result.results:
        observed = (item.result or {}).get("observed_value")
        if isinstance(observed, np.generic):
            # The renderer knows Python's numbers only.
            item.result["observed_value"] = observed.item()
    page = ValidationResultsPageRenderer().render(result)
    path.write_text(_page_view().render(page), encoding="utf-8")
