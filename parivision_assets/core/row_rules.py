"""Rules about one row of a published file, and the quarantine that keeps what broke them. No rule is declared here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

QUARANTINE_SCHEMA = pl.Schema(
    {
        "archive": pl.String,
        "source_file": pl.String,
        "source_row": pl.Int64,
        "rule": pl.String,
        "column": pl.String,
        "value": pl.String,
        "message": pl.String,
        "raw": pl.String,
    }
)
"""One row per quarantined row of any archive; `raw` holds the published columns as a JSON object."""


@dataclass(frozen=True)
class RowRule:
    """One rule: `broken` is true where a row breaks it; `column` is the published column to look at."""

    name: str
    column: str
    broken: pl.Expr
    next_step: str


def nest_raw(published: pl.DataFrame) -> pl.DataFrame:
    """Return source_file, source_row and `raw`, a struct of every published column."""
    columns = [name for name in published.columns if name not in {"source_file", "source_row"}]
    return published.select(pl.col("source_file"), pl.col("source_row").cast(pl.Int64), pl.struct(columns).alias("raw"))


def published(column: str) -> pl.Expr:
    """Return a published column of a frame made by `nest_raw`."""
    return pl.col("raw").struct.field(column)


def require_columns(frame: pl.DataFrame, columns: Sequence[str], archive: str) -> None:
    """Raise ValueError naming every column that the archive should have and this frame lacks."""
    missing = [column for column in (*columns, "source_file", "source_row") if column not in frame.columns]
    if missing:
        raise ValueError(
            f"{archive}: missing column(s) {', '.join(missing)}; compare the file's header with the published format"
        )


def split_by_rules(rows: pl.DataFrame, rules: Sequence[RowRule], archive: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (rows that keep every rule, quarantine of the others with the first rule each one broke).

    `rows` comes from `nest_raw` with parsed columns beside it. A rule that evaluates to null counts as kept.
    """
    broken_rule = pl.coalesce(
        [pl.when(rule.broken.fill_null(value=False)).then(pl.lit(index)) for index, rule in enumerate(rules)]
    )
    judged = rows.with_columns(broken_rule.cast(pl.Int32).alias("broken_rule"))
    kept = judged.filter(pl.col("broken_rule").is_null()).drop("broken_rule")
    parts = [
        quarantine(judged.filter(pl.col("broken_rule") == index), rule, archive) for index, rule in enumerate(rules)
    ]
    return kept, merge_quarantines(parts)


def quarantine(rows: pl.DataFrame, rule: RowRule, archive: str) -> pl.DataFrame:
    """Return the rows in the quarantine's shape: file, row, column, rule, value, what to do next."""
    value = published(rule.column).cast(pl.String).fill_null("nothing")
    next_step = rule.next_step[:1].upper() + rule.next_step[1:]
    message = pl.format(
        "{} row {}, column {}: " + _escaped(rule.name) + "; found {}. " + _escaped(next_step),
        pl.col("source_file"),
        pl.col("source_row"),
        pl.lit(rule.column),
        value,
    )
    shaped = rows.select(
        pl.lit(archive).alias("archive"),
        "source_file",
        "source_row",
        pl.lit(rule.name).alias("rule"),
        pl.lit(rule.column).alias("column"),
        value.alias("value"),
        message.alias("message"),
        pl.col("raw").struct.json_encode().alias("raw"),
    )
    return shaped.cast(QUARANTINE_SCHEMA)


def merge_quarantines(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return one quarantine from several, ordered by archive, file and row; empty when there are none."""
    merged = pl.concat([QUARANTINE_SCHEMA.to_frame(), *parts])
    return merged.sort("archive", "source_file", "source_row", maintain_order=True)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
