"""Bytes as received → the UTF-8 text of the one csv inside, or a `SourceFormatError` in plain words.

Pure, and only about containers (zip, gz), error pages and encodings; columns belong to `parsing`.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable

from parivision_assets.sources.published import SourceFormatError

MAX_UNPACKED_BYTES = 2**30
"""A season of shots is 40 MB unpacked; far more than that is a broken or hostile archive."""

_AGAIN = "Download it again: its end or a part of it is missing"
_EMPTY = "Download it again; an empty answer is no data"


def unpack(data: bytes, name: str) -> bytes:
    """Return the UTF-8 text of a csv, of a zip's only csv member or of a gz, without a byte-order mark.

    Raises SourceFormatError for an empty file, an error page, a damaged archive or another encoding.
    """
    if not data:
        raise SourceFormatError(name, "the file is empty (0 bytes)", _EMPTY)
    if data[:2] == b"PK":
        text = _unzip(data, name)
    elif data[:2] == b"\x1f\x8b":
        text = _gunzip(data, name)
    elif name.lower().endswith((".zip", ".gz")) and data[:2000].lstrip()[:1] != b"<":
        raise SourceFormatError(name, "its content is neither zip nor gz", "Download it again or correct its name")
    else:
        text = data
    return _checked_text(text.removeprefix(b"\xef\xbb\xbf"), name)


def csv_members(names: Iterable[str]) -> list[str]:
    """Return the csv members of an archive, without the resource forks that macOS adds."""
    return [
        name
        for name in names
        if name.lower().endswith(".csv")
        and not name.startswith("__MACOSX/")
        and not name.rsplit("/", 1)[-1].startswith("._")
    ]


def _unzip(data: bytes, name: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = csv_members(archive.namelist())
            if len(members) != 1:
                shown = ", ".join(members[:5]) or "none"
                step = "Give a zip with exactly one csv file, or the csv file itself"
                raise SourceFormatError(name, f"a zip must hold one csv file, this one holds: {shown}", step)
            if archive.getinfo(members[0]).file_size > MAX_UNPACKED_BYTES:
                raise SourceFormatError(name, f"unpacks to more than {MAX_UNPACKED_BYTES} bytes", "Check the file")
            return archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
        raise SourceFormatError(name, f"the zip is truncated or damaged ({error})", _AGAIN) from error
    except (RuntimeError, NotImplementedError) as error:
        step = "Unpack it by hand and give the csv file"
        raise SourceFormatError(name, f"the zip cannot be unpacked ({error})", step) from error


def _gunzip(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as archive:
            text = archive.read(MAX_UNPACKED_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceFormatError(name, f"the gz is truncated or damaged ({error})", _AGAIN) from error
    if len(text) > MAX_UNPACKED_BYTES:
        rule = f"unpacks to more than {MAX_UNPACKED_BYTES} bytes"
        raise SourceFormatError(name, rule, "Check that this is the publisher's file")
    return text


def _checked_text(text: bytes, name: str) -> bytes:
    """Return `text`, known to be UTF-8 with line feeds and not an error page."""
    start = text[:2000].lstrip()
    if not start and not text.strip():
        raise SourceFormatError(name, "the file is empty", _EMPTY)
    if start[:1] == b"<":
        title = re.search(rb"<title[^>]*>([^<]{0,80})", start, re.IGNORECASE)
        shown = f" titled '{title.group(1).decode(errors='replace').strip()}'" if title else ""
        raise SourceFormatError(
            name, f"this is a web page{shown}, not a csv file", "Check the address, then download it again"
        )
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        row = max(text.count(b"\n", 0, error.start), 1)
        encoding = "UTF-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        rule = f"text must be UTF-8, and byte {error.start + 1} shows {encoding}"
        raise SourceFormatError(name, rule, "Save the file as UTF-8 or download it again", row=row) from error
    return text if b"\n" in text else text.replace(b"\r", b"\n")
