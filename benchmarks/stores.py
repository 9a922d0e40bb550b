"""What reading, landing and storing every season of shots costs, beside doing it the plain way, in one run.

    python benchmarks/stores.py --shots-url ../shared/data/shots

Prints seconds per step for all seasons found, then ratios against the plain way measured on the newest season:
`pandas.read_csv` for parsing, a bare Parquet file without digest, sync and pointer for writing and reading.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl

from parivision_assets.sources import archives
from parivision_assets.stores.landing import LandingZone
from parivision_assets.stores.tables import TableStore

REPEATS = 3


def seconds_of(action: Callable[[], object]) -> float:
    """Return the best of a few runs."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


def all_seasons(url: str, root: Path) -> None:
    """Read, land and store every season once, then read all of it back; print the seconds of each step."""
    zone, store = LandingZone(root / "landing"), TableStore(root / "tables")
    spent: dict[str, float] = dict.fromkeys(("fetch", "land", "parse", "write", "write again"), 0.0)
    seasons, rows, start = archives.seasons_available(url), 0, time.perf_counter()

    def lap(step: str) -> None:
        nonlocal start
        now = time.perf_counter()
        spent[step] += now - start
        start = now

    for season in seasons:
        file = archives.find_shots(url, season)
        if file is None:
            continue
        data = archives.read_bytes(file.url)
        lap("fetch")
        zone.land("shots", season, data, url=file.url)
        lap("land")
        frame = archives.parse_shots(data, file.name)
        lap("parse")
        store.write("raw_shots", season, frame)
        lap("write")
        store.write("raw_shots", season, frame)
        lap("write again")
        rows += frame.height
    spent["read everything"] = seconds_of(lambda: store.read("raw_shots"))
    spent["read 3 columns"] = seconds_of(lambda: store.read("raw_shots", columns=["LOC_X", "LOC_Y", "SHOT_MADE"]))
    spent["scan, one team"] = seconds_of(lambda: store.read("raw_shots", filters=pl.col("HOME_TEAM") == "BOS"))
    stored = sum(store.version("raw_shots", season).bytes for season in store.partitions("raw_shots"))
    print(f"{len(seasons)} seasons, {rows:,} rows, {stored / 2**20:.0f} MiB of Parquet")
    for step, taken in spent.items():
        print(f"  {step:<16} {taken:7.2f} s")


def ratios(url: str, root: Path) -> None:
    """Compare with the plain way on the newest season."""
    file = archives.find_shots(url, archives.seasons_available(url)[-1])
    if file is None:
        return
    data, plain, store = archives.read_bytes(file.url), root / "plain.parquet", TableStore(root / "one")
    frame = archives.parse_shots(data, file.name)
    local = root / file.name
    local.write_bytes(data)
    csv = root / "plain.csv"
    frame.drop("source_file", "source_row").write_csv(csv)
    pairs = {
        "parse / pandas.read_csv": (lambda: archives.parse_shots(data, file.name), lambda: pd.read_csv(csv)),
        "write / bare Parquet": (
            lambda: store.write("t", time.perf_counter_ns(), frame),
            lambda: frame.write_parquet(plain, compression_level=3),
        ),
        "read / bare Parquet": (lambda: store.read("t", store.partitions("t")[0]), lambda: pl.read_parquet(plain)),
    }
    for name, (ours, theirs) in pairs.items():
        mine, other = seconds_of(ours), seconds_of(theirs)
        print(f"  {name:<26} {mine:.3f} s / {other:.3f} s = {mine / other:.2f}")


def main() -> None:
    """Run both parts in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots-url", default="../shared/data/shots")
    url = parser.parse_args().shots_url
    with tempfile.TemporaryDirectory() as folder:
        all_seasons(url, Path(folder))
        ratios(url, Path(folder))
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
