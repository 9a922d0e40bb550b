"""Audit, then publish: the one way in which a table asset yields its checks, its metadata and its output.

A frame that fails its blocking suite is never staged, so a bad table is never where the next step can read it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import Table
from parivision_assets.quality.expectations import SuiteKind, SuiteResult, failing_rows, validate
from parivision_assets.stores.home import Home
from parivision_assets.stores.tables import EncodedTable, encode

PREVIEW_ROWS = 5
OWNERS = ("team:data",)
SUITE_CHECK = "contract"


@dataclass(frozen=True)
class Audited:
    """A frame that passed its blocking checks, encoded; the IO manager makes it the partition's current version."""

    encoded: EncodedTable


@dataclass(frozen=True)
class Absent:
    """Nobody publishes this partition: a normal state that leaves what was there as it was."""

    reason: str


Events = Iterator[dg.AssetCheckResult | dg.MaterializeResult[Audited | Absent]]


def column_schema(table: Table) -> dg.TableSchema:
    """Return the contract as Dagster's column schema, with units and the moment each column becomes known."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=str(column.dtype),
                description=f"{column.description}{f' ({column.unit})' if column.unit else ''}. "
                f"Known: {column.known_at.value.replace('_', ' ')}.",
                constraints=dg.TableColumnConstraints(nullable=column.nullable, other=[column.rule()]),
            )
            for column in table.columns
        ]
    )


def table_options(
    table: Table, group: str, kinds: set[str], partitions: dg.PartitionsDefinition[str] | None, code_version: str = "1"
) -> dict[str, Any]:
    """Return the `@dg.asset` options every single-table asset shares."""
    return {
        "name": table.name,
        "group_name": group,
        "description": table.description,
        "owners": list(OWNERS),
        "kinds": {"polars", *kinds},
        "code_version": code_version,
        "partitions_def": partitions,
        "metadata": {"dagster/column_schema": column_schema(table)},
        "output_required": False,
        "io_manager_key": "tables",
    }


def multi_table_options(
    tables: Sequence[Table], group: str, kinds: set[str], code_version: str = "1"
) -> dict[str, Any]:
    """Return the `@dg.multi_asset` options for several tables of one step."""
    return {
        "outs": {
            table.name: dg.AssetOut(
                description=table.description,
                owners=list(OWNERS),
                kinds={"polars", *kinds},
                code_version=code_version,
                metadata={"dagster/column_schema": column_schema(table)},
                is_required=False,
                io_manager_key="tables",
            )
            for table in tables
        },
        "group_name": group,
    }


def suite_spec(table: Table, kind: SuiteKind, partitions: dg.PartitionsDefinition[str] | None) -> dg.AssetCheckSpec:
    """Return the blocking check that carries a Great Expectations suite, judged per partition."""
    what = "its columns, types and that it has rows" if kind == "structure" else "its whole contract"
    return _spec(table, f"Great Expectations on {what}; a partition that fails is not published", partitions)


def contract_spec(table: Table, partitions: dg.PartitionsDefinition[str] | None) -> dg.AssetCheckSpec:
    """Return the blocking check of a table that is made here, from tables that suites have judged."""
    return _spec(table, "Every rule of the contract; a partition that fails is not published", partitions)


def _spec(table: Table, description: str, partitions: dg.PartitionsDefinition[str] | None) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        SUITE_CHECK, asset=table.name, description=description, blocking=True, partitions_def=partitions
    )


def publish_judged(
    home: Home,
    table: Table,
    frame: pl.DataFrame,
    partition: str,
    kind: SuiteKind,
    *,
    problems: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Events:
    """Yield a Great Expectations suite's check result and, only when it passes, the table.

    Args:
        home: the stores.
        table: the contract.
        frame: what is to be published.
        partition: the season, for Data Docs and messages.
        kind: which suite judges.
        problems: further blocking problems found by the caller, in words (for example a quarantine rate).
        metadata: what a person would want to look at.
    """
    result = validate(table, frame, kind, home.data_docs, partition)
    passed = result.passed and not problems
    yield dg.AssetCheckResult(
        passed=passed,
        asset_key=table.name,
        check_name=SUITE_CHECK,
        description="; ".join([result.summary(), *problems]),
        metadata=suite_metadata(result, home, table, partition),
    )
    if passed:
        yield materialised(table, frame, metadata)


def publish(
    table: Table,
    frame: pl.DataFrame,
    *,
    problems: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    may_be_empty: bool = False,
) -> Events:
    """Yield the contract's check result and, only when no rule is broken, the table; a quarantine may be empty."""
    violations = table.violations(frame)
    found = [f"{count:,} row(s) break '{rule}'" for rule, count in violations.items()]
    found += ["no rows"] if frame.is_empty() and not may_be_empty else []
    rules = len(table.columns) + 1
    yield dg.AssetCheckResult(
        passed=not found and not problems,
        asset_key=table.name,
        check_name=SUITE_CHECK,
        description="; ".join([*found, *problems]) or f"{rules} rules hold",
        metadata={"rules": rules, **({"failing_rows": failing_rows_metadata(table, frame)} if violations else {})},
    )
    if not found and not problems:
        yield materialised(table, frame, metadata)


def materialised(
    table: Table, frame: pl.DataFrame, metadata: Mapping[str, Any] | None
) -> dg.MaterializeResult[Audited | Absent]:
    """Return the audited table with what a person would want to look at; its version is its content's digest."""
    encoded = encode(frame)
    return dg.MaterializeResult(
        asset_key=table.name,
        value=Audited(encoded),
        metadata={
            "dagster/row_count": frame.height,
            "state": "published",
            "bytes": len(encoded.data),
            "digest": encoded.digest,
            "preview": preview(frame),
            **(metadata or {}),
        },
        data_version=dg.DataVersion(encoded.digest),
    )


def publish_absent(home: Home, table: Table, partition: str, reason: str) -> Events:
    """Yield a passed check and an output that says the partition is absent and leaves any earlier one in place."""
    earlier = home.tables.version(table.name, partition) if home.tables.has(table.name, partition) else None
    yield dg.AssetCheckResult(
        passed=True,
        asset_key=table.name,
        check_name=SUITE_CHECK,
        description=f"absent: {reason}",
        metadata={"state": "absent"},
    )
    yield dg.MaterializeResult(
        asset_key=table.name,
        value=Absent(reason),
        metadata={"state": "absent", "reason": reason, "earlier_version_kept": earlier is not None},
        data_version=dg.DataVersion(earlier.digest if earlier else "absent"),
    )


def suite_metadata(result: SuiteResult, home: Home, table: Table, partition: str) -> dict[str, Any]:
    """Return what a person needs to see of a suite's result without opening the Data Docs."""
    found: dict[str, Any] = {
        "expectations": len(result.outcomes),
        "failed": len(result.failures),
        "data_docs": dg.MetadataValue.path(str(home.data_docs / table.name / f"{partition or 'all'}.html")),
    }
    if result.failures:
        found["failures"] = dg.MetadataValue.table(
            records=[
                dg.TableRecord({"column": f.column, "expectation": f.expectation, "observed": f.observed})
                for f in result.failures
            ]
        )
    if result.failing_rows.height:
        found["failing_rows"] = dg.MetadataValue.md(markdown_table(result.failing_rows))
    return found


def failing_rows_metadata(table: Table, frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return a sample of the rows that break a rule, with the rule."""
    return dg.MetadataValue.md(markdown_table(failing_rows(table, frame)))


def preview(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return the first rows as a Markdown table."""
    return dg.MetadataValue.md(markdown_table(frame.head(PREVIEW_ROWS)))


def markdown_table(frame: pl.DataFrame) -> str:
    """Return a frame as a Markdown table, floats to four digits."""
    head = "| " + " | ".join(frame.columns) + " |\n|" + " --- |" * frame.width
    lines = [
        "| " + " | ".join(f"{v:.4g}" if isinstance(v, float) else str(v).replace("|", "/") for v in row) + " |"
        for row in frame.iter_rows()
    ]
    return "\n".join([head, *lines])


def image(png: bytes) -> dg.MarkdownMetadataValue:
    """Return a PNG as an inline image that the UI shows without any file or network."""
    import base64

    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})")
