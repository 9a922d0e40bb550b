"""Table versions: same frame same digest, old or new after any crash, pinned ones kept, damage found."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing.parametric import dataframes

from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError
from parivision_assets.stores.tables import PartitionAbsent, TableStore, parquet_bytes
from parivision_assets_tests.stores.crash import kill_at_every_step

OLD = pl.DataFrame({"season": [2020, 2020], "points": [1.5, None], "team": ["ATL", "BOS"]})
NEW = pl.DataFrame({"season": [2020, 2020], "points": [2.5, 3.5], "team": ["ATL", None]})


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "tables")


def files_under(root: Path, pattern: str = "*") -> list[Path]:
    return sorted(path for path in root.rglob(pattern) if path.is_file())


def test_a_written_frame_is_read_back(store: TableStore) -> None:
    version = store.write("shots", 2020, OLD)
    assert store.read("shots", 2020).equals(OLD)
    assert store.version("shots", "2020") == version
    assert (version.rows, version.path.stat().st_size) == (2, version.bytes)
    assert store.has("shots", 2020)
    assert (store.tables(), store.partitions("shots")) == (["shots"], ["2020"])
    assert store.read_version(version.digest).equals(OLD)


def test_columns_filters_and_several_partitions(store: TableStore) -> None:
    store.write("shots", 2021, NEW.with_columns(season=pl.lit(2021, pl.Int64)))
    store.write("shots", 2020, OLD)
    assert store.read("shots")["season"].to_list() == [2020, 2020, 2021, 2021]
    assert store.read("shots", [2021, "2020"], ["season"]).to_dict(as_series=False) == {
        "season": [2021, 2021, 2020, 2020]
    }
    assert store.read("shots", filters=[pl.col("points") > 2, pl.col("season") == 2021], columns=["team"]).height == 2
    assert store.scan("shots", filters=pl.col("team") == "ATL").collect().height == 2
    frame = store.read_pandas("shots", 2020)
    assert isinstance(frame, pd.DataFrame)
    assert frame["team"].tolist() == ["ATL", "BOS"]


def test_pandas_frames_are_stored_like_polars_ones(store: TableStore) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=[7, 9])
    first = store.write("t", "all", frame)
    assert store.write("t", "all", pl.from_pandas(frame)).digest == first.digest
    assert store.read_pandas("t").columns.tolist() == ["a", "b"]


def test_writing_the_same_again_changes_nothing(store: TableStore) -> None:
    first = store.write("shots", 2020, OLD)
    before = {path: path.stat().st_mtime_ns for path in files_under(store.root)}
    assert store.write("shots", 2020, OLD.clone()) == first
    assert {path: path.stat().st_mtime_ns for path in files_under(store.root)} == before


def test_the_same_frame_gives_the_same_bytes_in_other_processes(tmp_path: Path) -> None:
    code = (
        "import polars as pl\nfrom parivision_assets.stores.tables import *\n"
        "f = pl.DataFrame({{'a': range(300_000)}})\n"
        "f = f.with_columns(b=pl.col('a') ** 3 % 97, c=pl.col('a').cast(pl.String))\n"
        "f = pl.concat([f[:1000], f[1000:]], rechunk={rechunk})\n"
        "print(digest_of(parquet_bytes(f)))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code.format(rechunk=rechunk)], capture_output=True, text=True, check=True,
            env={**os.environ, "POLARS_MAX_THREADS": threads},
        ).stdout
        for threads, rechunk in (("1", True), ("3", False))
    }  # fmt: skip
    assert len(digests) == 1


@settings(max_examples=30, deadline=None)
@given(
    frame=dataframes(
        max_cols=4,
        max_size=8,
        min_cols=1,
        allowed_dtypes=[pl.Int64, pl.Int8, pl.Float64, pl.Float32, pl.String, pl.Boolean, pl.Date, pl.Datetime],
    )
)
def test_any_frame_reads_back_equal(frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = TableStore(tmp_path_factory.mktemp("tables"))
    version = store.write("t", "p", frame)
    assert store.read("t", "p").equals(frame)
    assert store.read_version(version.digest).schema == frame.schema
    assert parquet_bytes(store.read("t", "p")) == version.path.read_bytes()


def test_absence_is_said_in_words(store: TableStore) -> None:
    for ask in (lambda: store.version("shots", 2019), lambda: store.read("shots", 2019), lambda: store.read("shots")):
        with pytest.raises(PartitionAbsent, match="table shots has no partition"):
            ask()
    with pytest.raises(KeyError):
        store.read("shots", [])
    with pytest.raises(StoreAbsentError, match="never written here"):
        store.read_version("0" * 64)
    assert not store.has("shots", 2019)
    assert store.partitions("shots") == store.tables() == []
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_names_cannot_leave_the_root(store: TableStore, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a table"):
        store.write(name, "all", OLD)
    with pytest.raises(ValueError, match="no name for a table"):
        store.write("t", name, OLD)


def test_an_unknown_column_is_said_in_words(store: TableStore) -> None:
    store.write("shots", 2020, OLD)
    with pytest.raises(StoreError, match="columns asked for"):
        store.read("shots", 2020, ["nothing"])
    store.write("shots", 2021, OLD.drop("team"))
    with pytest.raises(StoreError, match="materialise partitions of an older contract"):
        store.read("shots")


def test_versions_are_newest_first_and_pruning_keeps_current_and_pinned(store: TableStore) -> None:
    versions = [store.write("shots", 2020, OLD.with_columns(run=pl.lit(run))) for run in range(6)]
    assert [version.digest for version in store.versions("shots", 2020)] == [v.digest for v in reversed(versions)]
    store.pin(versions[0].digest, "promoted", "decision 1")
    store.pin(versions[0].digest, "promoted", "decision 1")
    store.pin(versions[0].digest, "replayed", "receipt 2")
    assert [pin.cited_by for pin in store.pins(versions[0].digest)] == ["decision 1", "receipt 2"]
    assert store.prune(keep=2) == sorted(version.digest for version in versions[1:4])
    assert store.prune(keep=2) == []
    assert store.read_version(versions[0].digest)["run"][0] == 0
    assert store.read("shots", 2020)["run"][0] == 5
    with pytest.raises(StoreAbsentError):
        store.read_version(versions[2].digest)
    with pytest.raises(StoreAbsentError):
        store.pin(versions[2].digest, "too late", "nobody")
    with pytest.raises(ValueError, match="at least 1"):
        store.prune(keep=0)


def test_an_older_frame_written_again_becomes_current(store: TableStore) -> None:
    old = store.write("shots", 2020, OLD)
    new = store.write("shots", 2020, NEW)
    assert store.write("shots", 2020, OLD) == old
    assert store.read("shots", 2020).equals(OLD)
    assert [version.digest for version in store.versions("shots", 2020)] == [old.digest, new.digest]


def test_a_changed_file_is_found(store: TableStore) -> None:
    version = store.write("shots", 2020, OLD)
    store.pin(version.digest, "promoted", "decision 1")
    data = bytearray(version.path.read_bytes())
    data[10] ^= 1
    version.path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match="was changed after it was written"):
        store.read_version(version.digest)
    version.path.write_bytes(data[:-5])
    with pytest.raises(StoreDamagedError, match="was changed after it was written"):
        store.read("shots", 2020)
    version.path.write_bytes(bytes(len(data)))
    with pytest.raises(StoreDamagedError, match="changed or damaged"):
        store.read("shots", 2020)
    store.write("shots", 2020, OLD)
    assert store.read("shots", 2020).equals(OLD)


def test_a_version_lost_from_the_disk_is_said_in_words(store: TableStore) -> None:
    store.write("shots", 2020, OLD).path.unlink()
    with pytest.raises(StoreDamagedError, match="is gone"):
        store.read("shots", 2020)


IMPORTS = """
import polars as pl
from parivision_assets.stores.tables import TableStore
"""


def test_kill_at_every_step_of_a_write_leaves_old_or_new(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "template")
    old = store.write("shots", 2020, OLD)
    action = f"TableStore(root).write('shots', 2020, pl.DataFrame({NEW.to_dict(as_series=False)!r}))"
    seen = set()
    for folder in kill_at_every_step(IMPORTS, action, store.root, tmp_path):
        left = TableStore(folder)
        frame = left.read("shots", 2020)
        assert frame.equals(OLD) or frame.equals(NEW)
        seen.add(frame["points"][0])
        assert left.read_version(old.digest).equals(OLD)
        left.write("shots", 2020, NEW)
        assert left.read("shots", 2020).equals(NEW)
        assert files_under(folder / "scratch") == []
        left.prune(keep=1)
        assert len(files_under(folder, "*.parquet")) == 1
    assert seen == {1.5, 2.5}


def test_kill_at_every_step_of_a_first_write_leaves_nothing_or_all(tmp_path: Path) -> None:
    action = f"TableStore(root).write('shots', 2020, pl.DataFrame({NEW.to_dict(as_series=False)!r}))"
    for folder in kill_at_every_step(IMPORTS, action, tmp_path / "template", tmp_path):
        left = TableStore(folder)
        assert not left.has("shots", 2020) or left.read("shots", 2020).equals(NEW)
        left.write("shots", 2020, NEW)
        assert left.read("shots", 2020).equals(NEW)


def test_kill_at_every_step_of_pruning_loses_nothing_needed(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "template")
    versions = [store.write("shots", 2020, OLD.with_columns(run=pl.lit(run))) for run in range(4)]
    store.pin(versions[0].digest, "promoted", "decision 1")
    for folder in kill_at_every_step(IMPORTS, "TableStore(root).prune(keep=1)", store.root, tmp_path):
        left = TableStore(folder)
        assert left.read("shots", 2020)["run"][0] == 3
        assert left.read_version(versions[0].digest)["run"][0] == 0
        for version in left.versions("shots", 2020):
            assert left.read_version(version.digest).height == 2
        left.prune(keep=1)
        assert len(files_under(folder, "*.parquet")) == 2


_WRITER = """
import polars as pl
from parivision_assets.stores.tables import TableStore
store = TableStore({root!r})
for turn in range(10):
    frame = pl.DataFrame({{"turn": [turn, turn], "worker": [{worker}, {worker}]}})
    store.write("shots", "all", frame)
    store.write("shots", "own_{worker}", frame)
"""


def test_writers_readers_and_pruners_do_not_disturb_each_other(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    store.write("shots", "all", pl.DataFrame({"turn": [0, 0], "worker": [0, 0]}))
    workers = [
        subprocess.Popen([sys.executable, "-c", _WRITER.format(root=str(tmp_path), worker=worker)])
        for worker in range(3)
    ]
    while any(worker.poll() is None for worker in workers):
        frame = store.read("shots", "all")
        assert frame.height == 2
        assert frame.n_unique() == 1
        store.prune(keep=3)
        time.sleep(0.02)
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert store.partitions("shots") == ["all", "own_0", "own_1", "own_2"]
    for worker in range(3):
        assert store.read("shots", f"own_{worker}")["turn"].to_list() == [9, 9]
    kept = {version.digest for name in store.partitions("shots") for version in store.versions("shots", name)}
    assert kept <= {path.stem for path in files_under(tmp_path, "*.parquet")}


_LIMITED = """
import os, resource, signal, sys
import polars as pl
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.tables import TableStore
frame = pl.DataFrame({{"a": range(50_000)}}).with_columns(b=pl.col("a").hash(1))
{limit}
try:
    TableStore({root!r}).write("shots", 2020, frame)
except StoreError as error:
    print(error)
    sys.exit(3)
"""


def _limited(limit: str, root: Path) -> str:
    code = _LIMITED.format(limit=limit, root=str(root))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    return done.stdout


def test_a_full_disk_is_said_in_words_and_leaves_the_old(store: TableStore) -> None:
    store.write("shots", 2020, OLD)
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    message = _limited(limit, store.root)
    assert "No space left" in message
    assert "unchanged" in message
    assert store.read("shots", 2020).equals(OLD)
    assert files_under(store.root / "scratch") == []


def test_a_read_only_home_is_said_in_words_and_leaves_the_old() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = TableStore(Path(folder) / "tables")
        store.write("shots", 2020, OLD)
        _check_read_only(store)


def _check_read_only(store: TableStore) -> None:
    for path in [store.root, *store.root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    # Root may write anywhere: the child gives that right up, after its imports.
    message = _limited("os.getuid() or os.setuid(65534)", store.root)
    assert "may not be written" in message
    assert "PARIVISION_HOME" in message
    for path in [store.root, *store.root.rglob("*")]:
        path.chmod(0o755)
    assert store.read("shots", 2020).equals(OLD)


def test_the_pointer_is_plain_json(store: TableStore) -> None:
    version = store.write("shots", 2020, OLD)
    pointer = json.loads((store.root / "pointers/current/shots/2020.json").read_text())
    assert pointer["versions"] == [{"digest": version.digest, "rows": 2, "bytes": version.bytes}]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"versions": [{"digest": "x"}]}'])
def test_a_damaged_pointer_is_said_in_words(store: TableStore, content: bytes) -> None:
    store.write("shots", 2020, OLD)
    (store.root / "pointers/current/shots/2020.json").write_bytes(content)
    with pytest.raises(StoreDamagedError, match="pointer of shots 2020"):
        store.read("shots", 2020)
