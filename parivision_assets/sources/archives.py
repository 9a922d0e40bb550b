"""Published archives at any fsspec URL: which files are there, their bytes, and their typed frames.

A URL is a local path, or http(s), s3, memory and whatever else fsspec knows. Absent is a state (`None`, an empty
list, `SourceAbsentError`), never to be confused with an empty answer (`SourceFormatError`) or with no answer
(`SourceUnavailableError`). Formats live in `published`, parsing in `parsing`; nothing is kept here.
"""

from __future__ import annotations

import datetime as dt
import importlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import fsspec
import polars as pl

from parivision_assets.sources.parsing import (
    SHOTS_NAME,
    parse,
    parse_feed,
    parse_forecasts,
    parse_games,
    parse_odds,
    parse_schedule,
    parse_shots,
    parse_tracking,
    recognise,
    recognise_header_line,
)
from parivision_assets.sources.published import (
    FORMATS,
    Dataset,
    Format,
    SourceAbsentError,
    SourceError,
    SourceFormatError,
    SourceUnavailableError,
)
from parivision_assets.sources.unpacking import csv_members

__all__ = [
    "FORMATS",
    "Dataset",
    "Format",
    "SourceAbsentError",
    "SourceError",
    "SourceFile",
    "SourceFormatError",
    "SourceUnavailableError",
    "find_files",
    "find_shots",
    "list_names",
    "list_versions",
    "parse",
    "parse_feed",
    "parse_forecasts",
    "parse_games",
    "parse_odds",
    "parse_schedule",
    "parse_shots",
    "parse_tracking",
    "read",
    "read_bytes",
    "recognise",
    "recognised_files",
    "seasons_available",
]

HTTP_TIMEOUT_S = 60.0
_HEAD_BYTES = 65536
_SUFFIXES = (".csv.zip", ".csv", ".csv.gz", ".zip", ".gz")
_DAY_NAME = re.compile(r".*\.(\d{4}-\d{2}-\d{2})\.csv(?:\.zip|\.gz)?", re.IGNORECASE)


@dataclass(frozen=True)
class SourceFile:
    """One published file: where it is, what it holds, its season if it is named by one, its day if it is one's."""

    url: str
    name: str
    dataset: Dataset
    season: int | None = None
    day: dt.date | None = None


def read_bytes(url: str) -> bytes:
    """Return a file's bytes as published.

    Raises SourceAbsentError (not there), SourceUnavailableError (no answer), SourceFormatError (0 bytes).
    """
    with _plain_errors(url):
        filesystem, path = _filesystem(url)
        data = bytes(filesystem.cat_file(path))
    if not data:
        step = "Download it again; an empty answer is no data"
        raise SourceFormatError(_name(url), "the file is empty (0 bytes)", step)
    return data


def read(file: SourceFile) -> pl.DataFrame:
    """Return one found file's typed frame (see `parsing.parse`)."""
    return parse(file.dataset, read_bytes(file.url), file.name)


def list_names(url: str) -> list[str]:
    """Return the names of the csv, zip and gz files in a folder, sorted; [] for a folder that is not there.

    Raises SourceUnavailableError when the place does not answer or cannot be listed.
    """
    with _plain_errors(url):
        try:
            filesystem, path = _filesystem(url)
            filesystem.invalidate_cache()
            entries = filesystem.ls(path, detail=False)
        except (FileNotFoundError, SourceAbsentError):
            return []
    names = {_name(str(entry)) for entry in entries}
    return sorted(name for name in names if name.lower().endswith(_SUFFIXES))


def list_versions(url: str) -> dict[str, str]:
    """Return every file in a folder by name, with a text that changes when the file does ("": the place does not say).

    Raises SourceAbsentError for a folder that is not there, SourceUnavailableError when it cannot be listed.
    """
    with _plain_errors(url):
        filesystem, path = _filesystem(url)
        filesystem.invalidate_cache()
        entries = [entry for entry in filesystem.ls(path, detail=True) if entry.get("type") == "file"]
    marks = ("size", "mtime", "ino", "created", "LastModified", "ETag")
    known = {
        _name(str(entry["name"])): [f"{mark}={entry[mark]}" for mark in marks if entry.get(mark)] for entry in entries
    }
    # A size alone does not tell one correction from another.
    return {name: " ".join(marks) if len(marks) > 1 else "" for name, marks in known.items()}


def find_shots(url: str, season: int) -> SourceFile | None:
    """Return the season's shots file in a folder (or at a file's own URL); None when it is absent."""
    return next((file for file in _shots_files(url, season) if file.season == season and file.day is None), None)


def seasons_available(url: str) -> list[int]:
    """Return the seasons for which a folder (or a single file's URL) holds a season file of shots, sorted."""
    return sorted({file.season for file in _shots_files(url) if file.season is not None and file.day is None})


def find_files(url: str, dataset: Dataset, season: int | None = None) -> list[SourceFile]:
    """Return the files of one dataset: whole files first, then day files by date.

    Shots are found by name (and by `season` if given); everything else by its header among the folder's csv,
    zip and gz files, so that other tables of the same publisher may lie beside it. An unreadable file raises
    SourceFormatError, since it may be the one that was wanted.
    """
    if dataset is Dataset.SHOTS:
        files = [file for file in _shots_files(url, season) if season in (None, file.season)]
    else:
        files = [file for file in recognised_files(url) if file.dataset is dataset]
    return sorted(files, key=lambda file: (file.day or dt.date.min, file.season or 0, file.name))


def recognised_files(url: str) -> list[SourceFile]:
    """Return every published file at a URL (a single file or a folder), its dataset told by its header.

    A single file must be recognisable; in a folder, well-formed csv files of other tables are left out.
    Raises SourceAbsentError for a single file that is not there, SourceFormatError for an unreadable one.
    """
    if _is_file(url):
        return [_source_file(url, recognise(read_bytes(url), _name(url)))]
    files = []
    for name in list_names(url):
        where = _join(url, name)
        found = Dataset.SHOTS if SHOTS_NAME.fullmatch(name) else _dataset_of_head(where)
        if found is not None:
            files.append(_source_file(where, found))
    return files


def _shots_files(url: str, season: int | None = None) -> list[SourceFile]:
    if _is_file(url):
        return [_source_file(url, Dataset.SHOTS)] if _exists(url) else []
    try:
        names = list_names(url)
    except SourceUnavailableError:
        # A web server may serve files and forbid listing: then the published names are asked for one by one.
        if season is None or not _is_web(url):
            raise
        tried = (f"NBA_{season}_Shots{suffix}" for suffix in _SUFFIXES[:3])
        names = [name for name in tried if _exists(_join(url, name))]
    return [_source_file(_join(url, name), Dataset.SHOTS) for name in names if SHOTS_NAME.fullmatch(name)]


def _source_file(url: str, dataset: Dataset) -> SourceFile:
    name = _name(url)
    shots, day = SHOTS_NAME.fullmatch(name), _DAY_NAME.fullmatch(name)
    season = int(shots.group(1)) if shots and dataset is Dataset.SHOTS else None
    try:
        date = dt.date.fromisoformat(day.group(1)) if day else None
    except ValueError as error:
        rule = f"the name holds no calendar date ({error})"
        raise SourceFormatError(name, rule, "Name day files ….YYYY-MM-DD.csv") from error
    return SourceFile(url, name, dataset, season, date)


def _dataset_of_head(url: str) -> Dataset | None:
    """Return the dataset shown by a file's first line, reading little of it where the place allows that."""
    name = _name(url)
    if not name.lower().endswith(".csv"):
        return recognise_header_line(_zip_head(url) if name.lower().endswith(".zip") else read_bytes(url), name)
    with _plain_errors(url):
        filesystem, path = _filesystem(url)
        with filesystem.open(path, "rb") as handle:
            head = bytes(handle.read(_HEAD_BYTES))
    return recognise_header_line(head, name)


def _zip_head(url: str) -> bytes:
    """Return the first bytes of a zip's only csv member, or the whole file where that is not to be had."""
    data = read_bytes(url)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = csv_members(archive.namelist())
            if len(members) == 1:
                with archive.open(members[0]) as member:
                    return member.read(_HEAD_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError):
        return data  # the full reading that follows says in words what is wrong
    return data


def _exists(url: str) -> bool:
    """Return whether a file is there; unlike fsspec's own, no answer is an error and not a no."""
    with _plain_errors(url):
        try:
            filesystem, path = _filesystem(url)
            # fsspec's info() takes any failing web server for an absent file; asking for a byte does not.
            filesystem.cat_file(path, start=0, end=1) if _is_web(url) else filesystem.info(path)
        except FileNotFoundError:
            return False
    return True


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _is_file(url: str) -> bool:
    return _name(url).lower().endswith(_SUFFIXES)


def _name(url: str) -> str:
    return re.split(r"[?#]", url, maxsplit=1)[0].rstrip("/").rsplit("/", 1)[-1]


def _join(url: str, name: str) -> str:
    return f"{url.rstrip('/')}/{name}"


def _filesystem(url: str) -> tuple[Any, str]:
    options: dict[str, Any] = {}
    if _is_web(url):
        aiohttp = importlib.import_module("aiohttp")
        options["client_kwargs"] = {"timeout": aiohttp.ClientTimeout(total=HTTP_TIMEOUT_S)}
    filesystem, path = fsspec.core.url_to_fs(url, **options)
    return filesystem, path


def _transport_errors() -> tuple[type[Exception], ...]:
    """Return what the transports that are installed raise when a place does not answer."""
    found: list[type[Exception]] = [OSError, TimeoutError]
    for module, name in (("aiohttp", "ClientError"), ("botocore.exceptions", "BotoCoreError")):
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ModuleNotFoundError:
            continue
    return tuple(found)


@contextmanager
def _plain_errors(url: str) -> Iterator[None]:
    """Say in words what went wrong in reaching a URL."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceAbsentError(f"{url} is not there. Check the address or leave this source out") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise SourceUnavailableError(f"{url} is not what was expected: {error.strerror}. Check the address") from error
    except PermissionError as error:
        raise SourceUnavailableError(f"{url} may not be read ({error}). Check its permissions") from error
    except (ImportError, ValueError) as error:
        raise SourceUnavailableError(f"{url} cannot be read: {error}. Check the address's beginning") from error
    except _transport_errors() as error:
        reason = str(error) or type(error).__name__
        raise SourceUnavailableError(f"{url} does not answer ({reason}). Try again later") from error
