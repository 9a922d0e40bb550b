"""Tables as immutable, content-addressed Parquet files, with one pointer per partition saying which is current.

Layout under a root: `versions/{table}/{partition}/{sha256}.parquet`, `pointers/current/{table}/{partition}.json`,
`pointers/pins/{sha256}.json`. A file's name is the sha256 of its bytes. What columns mean is in `core.contracts`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from parivision_assets.stores import atomic
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError, digest_of
from parivision_assets.stores.pointers import LocalPointers, checked_name, to_json, update

if TYPE_CHECKING:
    import pandas as pd

UNPARTITIONED = "all"
Partition = str | int
Partitions = Partition | Iterable[Partition] | None
Filters = pl.Expr | Sequence[pl.Expr] | None
_ROW_GROUP_ROWS = 131_072


class PartitionAbsent(StoreAbsentError):  # noqa: N818 - absence is a normal state of a partition, not a mistake
    """A table has no such partition."""

    def __init__(self, table: str, partition: Partition) -> None:
        """Say in words which partition of which table is absent."""
        super().__init__(f"table {table} has no partition {partition}; materialise it first or leave it out")
        self.table, self.partition = table, str(partition)


@dataclass(frozen=True)
class TableVersion:
    """One version of one partition: where it is, its sha256, and its size."""

    table: str
    partition: str
    digest: str
    rows: int
    bytes: int
    path: Path


@dataclass(frozen=True)
class EncodedTable:
    """A frame as the Parquet bytes that will be stored, with their sha256: known before anything is written."""

    data: bytes
    digest: str
    rows: int


@dataclass(frozen=True)
class Pin:
    """Why a version must be kept, and who cites it (a decision, a champion)."""

    reason: str
    cited_by: str


class TableStore:
    """Read and write versions of tables under one local root; safe for many processes at once."""

    def __init__(self, root: Path | str) -> None:
        """Use `root`, which need not exist yet; nothing is written before the first `write`."""
        self.root = Path(root)
        self._scratch = self.root / "scratch"
        self._pointers = LocalPointers(self.root / "pointers", self._scratch)

    def write(self, table: str, partition: Partition, frame: pl.DataFrame | pd.DataFrame) -> TableVersion:
        """Store a frame as the partition's current version; the same frame again changes nothing.

        The file's bytes depend on the frame's columns, types and rows only. A pandas index is not stored.
        Raises StoreError in plain words (no space, not writable); what was current then stays so.
        """
        return self.write_encoded(table, partition, encode(frame))

    def write_encoded(self, table: str, partition: Partition, encoded: EncodedTable) -> TableVersion:
        """Store an encoded frame as the partition's current version, as `write` does."""
        key, data, digest = _key(table, partition), encoded.data, encoded.digest
        path = self._path(table, str(partition), digest)
        version = TableVersion(table, str(partition), digest, encoded.rows, len(data), path)
        entry: dict[str, str | int] = {"digest": digest, "rows": version.rows, "bytes": version.bytes}
        with atomic.plain_errors(path), atomic.unfinished(self._scratch) as temporary:
            stored = self._is_stored(version)
            if not stored:
                atomic.write_synced(temporary, data)
            # Under one lock, so that pruning never sees a file whose pointer is still to come.
            with self._pointers.exclusive():
                if not stored:
                    atomic.publish(temporary, path)
                elif not path.exists():
                    atomic.write_atomic(path, data, self._scratch)
                update(self._pointers, key, lambda old: _with_newest(old, entry))
        return version

    def read(
        self,
        table: str,
        partitions: Partitions = None,
        columns: Sequence[str] | None = None,
        filters: Filters = None,
    ) -> pl.DataFrame:
        """Return current rows of one, several or (None) all partitions; only what is asked for is read.

        Raises PartitionAbsent, or StoreDamagedError when a file was changed or cut.
        """
        try:
            return self._collect(table, partitions, columns, filters)
        except FileNotFoundError:
            # A version may be pruned between looking up its pointer and reading it: look once more.
            try:
                return self._collect(table, partitions, columns, filters)
            except FileNotFoundError as error:
                raise StoreDamagedError(
                    f"table {table}: a version that its pointer names is gone ({error}). Materialise it again"
                ) from error

    def read_pandas(
        self,
        table: str,
        partitions: Partitions = None,
        columns: Sequence[str] | None = None,
        filters: Filters = None,
    ) -> pd.DataFrame:
        """Return the same as `read` for pandas."""
        return self.read(table, partitions, columns, filters).to_pandas()

    def scan(
        self,
        table: str,
        partitions: Partitions = None,
        columns: Sequence[str] | None = None,
        filters: Filters = None,
    ) -> pl.LazyFrame:
        """Return the same as `read`, lazily: column choice and filters reach the Parquet reader."""
        versions = [self.version(table, name) for name in self._chosen(table, partitions)]
        for version in versions:
            _check_size(version)
        frame = pl.scan_parquet([version.path for version in versions], glob=False)
        for condition in [filters] if isinstance(filters, pl.Expr) else filters or ():
            frame = frame.filter(condition)
        return frame if columns is None else frame.select(columns)

    def read_version(self, digest: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return one version by its digest, current or not, after checking every byte of it.

        Raises StoreAbsentError when there is no such version, StoreDamagedError when its file was changed.
        """
        path = self._find(digest)
        data = path.read_bytes()
        if digest_of(data) != digest:
            raise StoreDamagedError(
                f"{path} was changed after it was written: its sha256 is {digest_of(data)[:12]}…, not {digest[:12]}…. "
                "Restore it from a backup or materialise the partition again"
            )
        return pl.read_parquet(io.BytesIO(data), columns=None if columns is None else list(columns))

    def version(self, table: str, partition: Partition = UNPARTITIONED) -> TableVersion:
        """Return the partition's current version; raise PartitionAbsent when there is none."""
        return self.versions(table, partition)[0]

    def versions(self, table: str, partition: Partition = UNPARTITIONED) -> list[TableVersion]:
        """Return the partition's recent versions, newest first; raise PartitionAbsent when there is none.

        Older ones that are pinned stay readable by `read_version`.
        """
        found = self._pointers.get(_key(table, partition))
        if found is None:
            raise PartitionAbsent(table, partition)
        try:
            entries = [(str(v["digest"]), int(v["rows"]), int(v["bytes"])) for v in json.loads(found[0])["versions"]]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreDamagedError(
                f"the pointer of {table} {partition} under {self.root} is no longer readable ({error}). "
                "Restore it from a backup, or remove it and materialise the partition again"
            ) from error
        name = str(partition)
        return [
            TableVersion(table, name, digest, rows, size, self._path(table, name, digest))
            for digest, rows, size in entries
        ]

    def has(self, table: str, partition: Partition = UNPARTITIONED) -> bool:
        """Return whether the partition has a current version."""
        return self._pointers.get(_key(table, partition)) is not None

    def holds(self, digest: str) -> bool:
        """Return whether a version is still here, current or not; `read_version` also checks its bytes."""
        try:
            self._find(digest)
        except StoreAbsentError:
            return False
        return True

    def tables(self) -> list[str]:
        """Return the names of all tables, sorted."""
        return sorted({name.split("/")[1] for name in self._pointers.names("current")})

    def partitions(self, table: str) -> list[str]:
        """Return the table's partitions, sorted; [] for a table that is not there."""
        return [name.split("/")[2] for name in self._pointers.names(f"current/{table}")]

    def pin(self, digest: str, reason: str, cited_by: str) -> None:
        """Keep a version for good, since `cited_by` depends on it; pinning twice changes nothing.

        Raises StoreAbsentError when there is no such version.
        """
        with self._pointers.exclusive():
            self._find(digest)
            update(self._pointers, f"pins/{digest}", lambda old: _with_pin(old, Pin(reason, cited_by)))

    def pins(self, digest: str) -> list[Pin]:
        """Return who cites a version; [] when it is not pinned."""
        found = self._pointers.get(f"pins/{digest}")
        return [] if found is None else [Pin(**entry) for entry in json.loads(found[0])]

    def prune(self, keep: int = 3) -> list[str]:
        """Remove versions beyond the `keep` newest of each partition and files of killed writers.

        Current and pinned versions always stay. Returns the digests removed, sorted.
        """
        if keep < 1:
            raise ValueError("keep must be at least 1: the current version always stays")
        removed: set[str] = set()
        with atomic.plain_errors(self.root), self._pointers.exclusive():
            pinned = {name.split("/")[1] for name in self._pointers.names("pins")}
            for key in self._pointers.names("current"):
                update(self._pointers, key, lambda old: _newest(old, keep))
            for path in sorted((self.root / "versions").glob("*/*/*.parquet")):
                table, partition = path.parent.parent.name, path.parent.name
                known = self.versions(table, partition) if self.has(table, partition) else []
                if path.stem not in pinned.union(version.digest for version in known):
                    path.unlink()
                    removed.add(path.stem)
        return sorted(removed)

    def _collect(
        self, table: str, partitions: Partitions, columns: Sequence[str] | None, filters: Filters
    ) -> pl.DataFrame:
        lazy = self.scan(table, partitions, columns, filters)
        try:
            return lazy.collect()
        except (pl.exceptions.ColumnNotFoundError, pl.exceptions.SchemaError) as error:
            raise StoreError(
                f"table {table}: the columns asked for, or those of its partitions, do not agree ({error}). "
                "Check their names; materialise partitions of an older contract again"
            ) from error
        except pl.exceptions.ComputeError as error:
            raise StoreDamagedError(
                f"table {table}: a file was changed or damaged ({str(error).splitlines()[0]}). "
                "Materialise its partitions again"
            ) from error

    def _chosen(self, table: str, partitions: Partitions) -> list[str]:
        if partitions is None:
            chosen = self.partitions(table)
        elif isinstance(partitions, (str, int)):
            chosen = [str(partitions)]
        else:
            chosen = [str(partition) for partition in partitions]
        if not chosen:
            raise PartitionAbsent(table, "of any name" if partitions is None else "(an empty list was asked for)")
        return chosen

    def _find(self, digest: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise StoreAbsentError(f"{digest!r} is no sha256 digest")
        found = sorted((self.root / "versions").glob(f"*/*/{digest}.parquet"))
        if not found:
            raise StoreAbsentError(f"no table has a version {digest[:12]}…; it was never written here or it was pruned")
        return found[0]

    def _path(self, table: str, partition: str, digest: str) -> Path:
        return self.root / "versions" / table / partition / f"{digest}.parquet"

    def _is_stored(self, version: TableVersion) -> bool:
        """Return whether the very bytes are there; a file that was damaged is written again."""
        try:
            return digest_of(version.path.read_bytes()) == version.digest
        except FileNotFoundError:
            return False


def encode(frame: pl.DataFrame | pd.DataFrame) -> EncodedTable:
    """Return the frame encoded; a pandas index is not stored."""
    polars_frame = frame if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame)
    data = parquet_bytes(polars_frame)
    return EncodedTable(data, digest_of(data), polars_frame.height)


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """Return the frame as Parquet; the same frame gives the same bytes on any machine with the same Polars."""
    out = io.BytesIO()
    frame.rechunk().write_parquet(
        out, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROW_GROUP_ROWS
    )
    return out.getvalue()


def _key(table: str, partition: Partition) -> str:
    return f"current/{checked_name(table)}/{checked_name(str(partition))}"


def _check_size(version: TableVersion) -> None:
    """Raise when a file plainly is not what was written; cheap enough for every read."""
    if version.path.stat().st_size != version.bytes:
        raise StoreDamagedError(
            f"{version.path} was changed after it was written: it has {version.path.stat().st_size} bytes, "
            f"not {version.bytes}. Materialise {version.table} {version.partition} again"
        )


def _with_newest(old: bytes | None, entry: dict[str, str | int]) -> bytes:
    versions = [] if old is None else json.loads(old)["versions"]
    older = [version for version in versions if version["digest"] != entry["digest"]]
    return to_json({"versions": [entry, *older]})


def _newest(old: bytes | None, keep: int) -> bytes:
    versions = [] if old is None else json.loads(old)["versions"]
    return to_json({"versions": versions[:keep]})


def _with_pin(old: bytes | None, pin: Pin) -> bytes:
    pins = [] if old is None else json.loads(old)
    return to_json(pins if asdict(pin) in pins else [*pins, asdict(pin)])
