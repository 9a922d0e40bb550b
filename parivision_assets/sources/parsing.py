"""Bytes as published → typed frames, or a `SourceFormatError` naming file, row, column, rule and next step.

Pure: no file or network access (see `archives`). Only a file's structure is judged here; odd values (a date
in another style, a period of 0) pass, and the core quarantines them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable

import polars as pl

from parivision_assets.sources.published import FORMATS, Dataset, Dtype, Format, SourceFormatError
from parivision_assets.sources.unpacking import unpack

SHOTS_NAME = re.compile(r"NBA_(\d{4})_Shots(?:\.(\d{4}-\d{2}-\d{2}))?\.csv(?:\.zip|\.gz)?", re.IGNORECASE)
"""How the shots archive names a season's file; a day's file carries its date."""

_AGAIN = "Download the file again from its publisher ({publisher}); what was landed before stays in use"
_NULL_WORDS = ("", "na", "n/a", "nan", "null", "none")
_RECOGNISED_SHARE = 0.5
_POLARS_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def parse_shots(data: bytes, name: str) -> pl.DataFrame:
    """Parse one shots archive file (csv, zip or gz) into `published.SHOTS.schema`."""
    return parse(Dataset.SHOTS, data, name)


def parse_games(data: bytes, name: str) -> pl.DataFrame:
    """Parse one games archive file into `published.GAMES.schema`."""
    return parse(Dataset.GAMES, data, name)


def parse_odds(data: bytes, name: str) -> pl.DataFrame:
    """Parse one betting archive file into `published.ODDS.schema`."""
    return parse(Dataset.ODDS, data, name)


def parse_tracking(data: bytes, name: str) -> pl.DataFrame:
    """Parse one tracking shot log into `published.TRACKING.schema`."""
    return parse(Dataset.TRACKING, data, name)


def parse_forecasts(data: bytes, name: str) -> pl.DataFrame:
    """Parse one file of published forecasts into `published.FORECASTS.schema`."""
    return parse(Dataset.FORECASTS, data, name)


def parse_feed(data: bytes, name: str) -> pl.DataFrame:
    """Parse feed records into `published.FEED.schema` (all text): csv, a JSON array or JSON lines."""
    return parse(Dataset.FEED, data, name)


def parse_schedule(data: bytes, name: str) -> pl.DataFrame:
    """Parse one file of games to come into `published.SCHEDULE.schema`."""
    return parse(Dataset.SCHEDULE, data, name)


def parse(dataset: Dataset, data: bytes, name: str) -> pl.DataFrame:
    """Return a published file's columns in published order, plus `source_file` and `source_row` (from 1).

    `data` is csv, zip or gz, told apart by content. Columns that a format declares optional are null where a
    file lacks them; unknown extra columns are left out; blank lines are skipped but counted in `source_row`.
    Raises SourceFormatError: empty file, header only, error page, truncated archive, several csv members,
    wrong encoding, missing or repeated column, a row of another width, a value of another type, a shots file
    named by a season of which it holds no row.
    """
    published = FORMATS[dataset]
    text = unpack(data, name)
    if dataset is Dataset.FEED and _is_json(text):
        text = _feed_json_as_csv(text, published, name)
    header = _header(text, name)
    _check_header(header, published, name)
    frame = _typed_frame(text, header, published, name)
    missing = [pl.lit(None, dtype=pl.String).alias(column) for column in published.optional - set(header)]
    frame = frame.with_columns(
        *missing,
        pl.lit(name).alias("source_file"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("source_row"),
    ).select(published.schema.names())
    frame = frame.filter(~pl.all_horizontal(pl.col(list(published.columns)).is_null()))
    if frame.is_empty():
        raise SourceFormatError(name, "the file has a header and no rows", _again(published))
    if dataset is Dataset.SHOTS:
        _check_season(frame, published, name)
    return frame


def recognise(data: bytes, name: str) -> Dataset:
    """Return the dataset whose columns a file's header shows, even when a few of them are missing.

    Raises SourceFormatError when the file cannot be read at all or its header belongs to no known dataset.
    """
    text = unpack(data, name)
    if _is_json(text):
        return Dataset.FEED
    found = recognise_header(_header(text, name))
    if found is None:
        known = ", ".join(Dataset)
        raise SourceFormatError(
            name, f"the header belongs to no known dataset ({known})", "Check that this is the right file"
        )
    return found


def recognise_header_line(head: bytes, name: str) -> Dataset | None:
    """Return the dataset that the first line of a file's beginning shows, or None for some other table.

    Raises SourceFormatError when `head` is no text at all or no csv.
    """
    if head[:2] not in (b"PK", b"\x1f\x8b"):
        head, name = head[: head.rfind(b"\n") + 1] or head, name.removesuffix(".zip")
    text = unpack(head, name)
    return Dataset.FEED if _is_json(text) else recognise_header(_header(text, name))


def recognise_header(header: Iterable[str]) -> Dataset | None:
    """Return the dataset that shares most columns with `header`, or None below half of what it requires."""
    names = set(header)
    shares = {
        dataset: len(names & set(published.required)) / len(published.required)
        for dataset, published in FORMATS.items()
    }
    best = max(shares, key=lambda dataset: shares[dataset])
    return best if shares[best] > _RECOGNISED_SHARE else None


def _is_json(text: bytes) -> bool:
    return text[:2000].lstrip()[:1] in (b"[", b"{")


def _header(text: bytes, name: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text.split(b"\n", 1)[0].decode("utf-8"), newline="")), [])
    except (csv.Error, UnicodeDecodeError) as error:
        step = "Check that this is a csv file"
        raise SourceFormatError(name, f"its first line is no csv header ({error})", step) from error


def _check_header(header: list[str], published: Format, name: str) -> None:
    missing = [column for column in published.required if column not in header]
    if missing and len(header) == 1 and re.search(r"[;\t|]", header[0]):
        rule = "columns must be separated by commas, and the header shows another separator"
        raise SourceFormatError(name, rule, "Save the file as comma-separated values")
    if missing:
        rule = f"the {published.dataset} archive's column(s) {', '.join(missing)} must be present"
        raise SourceFormatError(name, rule, _again(published), column=missing[0])
    for column in published.columns:
        if header.count(column) > 1:
            rule = "a column may appear only once in the header"
            raise SourceFormatError(name, rule, _again(published), column=column)


def _check_season(frame: pl.DataFrame, published: Format, name: str) -> None:
    """Raise when a file named by a season holds not one row of it, as when a mirror serves another season's file."""
    named = SHOTS_NAME.fullmatch(name)
    if named and int(named.group(1)) not in frame.get_column("SEASON_1"):
        rule = f"must be {named.group(1)} as the file's name says, found {frame.item(0, 'SEASON_1')} and no such row"
        raise SourceFormatError(name, rule, _again(published), row=frame.item(0, "source_row"), column="SEASON_1")


def _typed_frame(text: bytes, header: list[str], published: Format, name: str) -> pl.DataFrame:
    """Return the published columns that are there, typed; the fast path first, then column by column."""
    wanted = [column for column in published.columns if column in header]
    dtypes = {column: published.columns[column] for column in wanted}
    try:
        frame = pl.read_csv(text, schema_overrides=dtypes, infer_schema=False)
    except _POLARS_ERRORS:
        frame = _strings(text, published, name)
    # Polars fills a short row with nulls; only then is the slower look at every row's width worth its time.
    if frame.width and frame.get_column(frame.columns[-1]).has_nulls():
        _check_widths(text, published, name)
    frame = frame.select(wanted)
    strings = [column for column in wanted if dtypes[column] != pl.String and frame.schema[column] == pl.String]
    frame = frame.with_columns(_cast(frame.get_column(column), dtypes[column], name) for column in strings)
    return frame.with_columns(pl.col(column).fill_nan(None) for column in wanted if dtypes[column] == pl.Float64)


def _strings(text: bytes, published: Format, name: str) -> pl.DataFrame:
    """Return the file with every column as text, or raise naming the row that has another width."""
    try:
        return pl.read_csv(text, infer_schema=False)
    except _POLARS_ERRORS as error:
        _check_widths(text, published, name)
        reason = str(error).split("\n", 1)[0][:200]
        raise SourceFormatError(name, f"this is not readable as csv ({reason})", _again(published)) from error


def _check_widths(text: bytes, published: Format, name: str) -> None:
    """Raise naming the first data row whose number of fields differs from the header's."""
    rows = csv.reader(io.StringIO(text.decode("utf-8"), newline=""))
    row = 0
    try:
        expected = len(next(rows))
        for row, fields in enumerate(rows, start=1):
            if fields and len(fields) != expected:
                rule = f"a row must have {expected} fields, this one has {len(fields)}"
                step = "If it is the last row, the file is truncated. " + _again(published)
                raise SourceFormatError(name, rule, step, row=row)
    except csv.Error as error:
        rule = f"not readable as csv ({error})"
        raise SourceFormatError(name, rule, _again(published), row=row + 1) from error


def _cast(column: pl.Series, dtype: Dtype, name: str) -> pl.Series:
    """Return a text column as `dtype`; words for 'missing' become null, whole numbers may be written 21.0."""
    words = column.str.strip_chars()
    blank = words.str.to_lowercase().is_in(list(_NULL_WORDS)).fill_null(value=True)
    if dtype == pl.Boolean:
        lower = words.str.to_lowercase()
        typed = lower.replace_strict({"true": True, "1": True, "false": False, "0": False}, default=None)
        typed = typed.cast(pl.Boolean)
        rule = "must be TRUE or FALSE"
    elif dtype == pl.Int64:
        typed = words.cast(pl.Int64, strict=False)
        real = words.cast(pl.Float64, strict=False)
        whole = (real == real.round()) & (real.abs() < 2**53)
        typed = typed.zip_with(typed.is_not_null() | ~whole.fill_null(value=False), real.cast(pl.Int64, strict=False))
        rule = "must be a whole number"
    else:
        typed = words.cast(pl.Float64, strict=False)
        rule = "must be a number"
    bad = (typed.is_null() & ~blank).arg_true()
    if bad.len():
        row = int(bad[0]) + 1
        rule = f"{rule}, found '{words[row - 1][:60]}'"
        step = f"{bad.len()} row(s) break this; correct them or download the file again"
        raise SourceFormatError(name, rule, step, row=row, column=column.name)
    return typed.set(blank, None).alias(column.name)


def _feed_json_as_csv(text: bytes, published: Format, name: str) -> bytes:
    """Return feed records given as a JSON array or as JSON lines in the form of a csv of the 22 columns."""
    ask = "Ask the feed for the records again"
    try:
        lines = text.decode("utf-8").strip()
        records = json.loads(lines) if lines[0] == "[" else [json.loads(line) for line in lines.splitlines()]
    except (ValueError, RecursionError) as error:
        raise SourceFormatError(name, f"not readable as JSON ({error})", ask) from error
    if not records:
        raise SourceFormatError(name, "the answer holds no records", f"{ask}; an empty answer is no data")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(published.columns)
    for row, record in enumerate(records, start=1):
        missing = [c for c in published.columns if not isinstance(record, dict) or c not in record]
        if missing:
            rule = f"a record must be an object with all {len(published.columns)} columns"
            raise SourceFormatError(name, rule, ask, row=row, column=missing[0])
        writer.writerow([record[column] for column in published.columns])
    return out.getvalue().encode("utf-8", errors="replace")


def _again(published: Format) -> str:
    return _AGAIN.format(publisher=published.publisher)
