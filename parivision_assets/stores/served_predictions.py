"""What was served: append-only, durable, first write wins, before any outcome is known.

Layout under a root: `{target}/{model}/{date}.{part}.parquet`, written once and never changed. A day has one part;
events that land later for a day already recorded are a further part. Outcomes belong to `core.outcomes`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from parivision_assets.core.monitoring_tables import ROLES, SERVED_PREDICTIONS
from parivision_assets.stores import atomic
from parivision_assets.stores.atomic import StoreDamagedError
from parivision_assets.stores.pointers import LocalPointers, checked_name
from parivision_assets.stores.tables import parquet_bytes

NEEDED = ("event", "game", "as_of", "probability")
_ID_DIGITS = 32


class ServedPredictions:
    """Served predictions under one local root; safe for many processes at once."""

    def __init__(self, root: Path | str) -> None:
        """Use `root`, which need not exist yet."""
        self.root = Path(root)
        self._scratch = self.root / "scratch"
        self._lock = LocalPointers(self.root / "locks", self._scratch)

    def record(self, target: str, day: dt.date, role: str, model: str, frame: pl.DataFrame) -> bool:
        """Keep one model's predictions of one game day; return whether any of them was new.

        `frame`: `event` and `game` (text, no nulls), `as_of` (newest date whose outcomes it may know) and
        `probability`; a `game_date` column, if any, must hold `day` only. Events that this model has on record for
        that day stay as they are, whatever is given now, the role included. Raises ValueError for rows that break
        the contract, StoreError in plain words when it cannot be written.
        """
        rows = _checked(target, day, role, model, frame)
        folder = self._folder(target, model)
        if not rows.height:
            return False
        # A look before the lock: recording again what is there is the common case and writes nothing.
        if not _unrecorded(rows, _parts(folder, day)).height:
            return False
        with self._lock.exclusive():
            parts = _parts(folder, day)
            new = _unrecorded(rows, parts)
            if not new.height:
                return False
            path = folder / f"{day.isoformat()}.{len(parts):03d}.parquet"
            atomic.write_atomic(path, parquet_bytes(new.sort("event")), self._scratch)
        return True

    def read(
        self,
        target: str,
        first: dt.date | None = None,
        last: dt.date | None = None,
        roles: Iterable[str] | None = None,
    ) -> pl.DataFrame:
        """Return SERVED_PREDICTIONS rows of a target's game days within [first, last], by date, model and event.

        An empty frame where nothing was served. Raises StoreDamagedError for a file that was changed or cut.
        """
        folder = self.root / checked_name(target)
        paths = [
            path for path in folder.glob("*/*.parquet") if (first or dt.date.min) <= _day(path) <= (last or dt.date.max)
        ]
        if not paths:
            return SERVED_PREDICTIONS.schema.to_frame()
        # By date, then model, then part: rows within a file are in the order of events already.
        rows = _read(sorted(paths, key=lambda path: (_day(path), path.parent.name, path.name)))
        return rows if roles is None else rows.filter(pl.col("role").is_in(list(roles)))

    def days(self, target: str, model: str) -> list[dt.date]:
        """Return the game days for which a model has predictions on record, oldest first."""
        return sorted({_day(path) for path in self._folder(target, model).glob("*.parquet")})

    def models(self, target: str) -> list[str]:
        """Return the models that have predictions of a target on record, sorted."""
        return sorted(path.name for path in (self.root / checked_name(target)).glob("*") if path.is_dir())

    def _folder(self, target: str, model: str) -> Path:
        return self.root / checked_name(target) / checked_name(model)


def prediction_ids(target: str, model: str, events: Iterable[str]) -> list[str]:
    """Return the id of each prediction: the first half of sha256 over target, model and event."""
    start = hashlib.sha256(f"{target}\n{model}\n".encode())
    ids = []
    for event in events:
        digest = start.copy()
        digest.update(event.encode())
        ids.append(digest.hexdigest()[:_ID_DIGITS])
    return ids


def _checked(target: str, day: dt.date, role: str, model: str, frame: pl.DataFrame) -> pl.DataFrame:
    where = f"predictions of {target} for {day} by {model[:12]}"
    if role not in ROLES:
        raise ValueError(f"{where}: role {role!r} is none of {', '.join(ROLES)}")
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise ValueError(f"{where}: missing column(s) {', '.join(missing)}")
    if frame["event"].null_count() or frame["game"].null_count():
        raise ValueError(f"{where}: a row has no event or no game; hypothetical questions belong in the prediction log")
    other_day = (pl.col("game_date").cast(pl.Date) != day).fill_null(value=True).any()
    if "game_date" in frame.columns and frame.select(other_day).item():
        raise ValueError(f"{where}: rows of another game date; record each day by itself")
    rows = SERVED_PREDICTIONS.conform(
        frame.with_columns(
            pl.Series("prediction_id", prediction_ids(target, model, frame["event"].to_list()), dtype=pl.String),
            target=pl.lit(target),
            role=pl.lit(role),
            model=pl.lit(model),
            game_date=pl.lit(day),
        )
    )
    broken = SERVED_PREDICTIONS.violations(rows)
    if broken:
        raise ValueError(f"{where}: " + "; ".join(f"{count:,} row(s) break '{rule}'" for rule, count in broken.items()))
    return rows


def _unrecorded(rows: pl.DataFrame, parts: Collection[Path]) -> pl.DataFrame:
    if not parts:
        return rows
    return rows.join(_read(parts).select("prediction_id"), on="prediction_id", how="anti", maintain_order="left")


def _parts(folder: Path, day: dt.date) -> list[Path]:
    return sorted(folder.glob(f"{day.isoformat()}.*.parquet"))


def _day(path: Path) -> dt.date:
    return dt.date.fromisoformat(path.name[:10])


def _read(paths: Collection[Path]) -> pl.DataFrame:
    try:
        return pl.read_parquet(list(paths), glob=False)
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError, pl.exceptions.ColumnNotFoundError) as error:
        raise StoreDamagedError(
            f"a file of served predictions under {next(iter(paths)).parent.parent} was changed or cut "
            f"({str(error).splitlines()[0]}). Restore it from a backup; predictions are never made again"
        ) from error
