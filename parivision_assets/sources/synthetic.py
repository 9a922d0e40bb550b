"""The synthetic league as a publisher: writes its files in the real publishers' formats, whole or day by day.

What the league is, and every probability in it, is `core.league`; here are only files. The truth is written into a
folder of its own, which no source reads.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from parivision_assets.core.league import League, LeagueConfig, ScenarioKind, generate
from parivision_assets.sources.published import Dataset, day_file_name

MANIFEST = "league.json"
_DATE_COLUMNS = {
    "shots": ("GAME_DATE", "%m-%d-%Y"),
    "games": ("GAME_DATE_EST", "%Y-%m-%d"),
    "odds": ("dates", "%m/%d/%Y"),
    "forecasts": ("date", "%Y-%m-%d"),
    "schedule": ("game_date", "%Y-%m-%d"),
}
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)
_ZIP_LEVEL = 4


@dataclass(frozen=True)
class LeaguePaths:
    """Where a league's files are: a folder per source, the coming games, and the truth apart."""

    folder: Path

    @property
    def shots(self) -> Path:
        """Return the folder of `NBA_{season}_Shots.csv.zip` files and day files."""
        return self.folder / "shots"

    @property
    def games(self) -> Path:
        """Return the folder of `games.csv` and day files."""
        return self.folder / "games"

    @property
    def odds(self) -> Path:
        """Return the folder of `nba_{first}-{last}.csv` and day files."""
        return self.folder / "odds"

    @property
    def tracking(self) -> Path:
        """Return the folder of the one tracked season's shot logs."""
        return self.folder / "tracking"

    @property
    def forecasts(self) -> Path:
        """Return the folder of the published forecasts."""
        return self.folder / "forecasts"

    @property
    def schedule(self) -> Path:
        """Return the file of coming games: season, game_date, game_id, away_team, home_team; no results."""
        return self.folder / "schedule" / "schedule.csv"

    @property
    def truth(self) -> Path:
        """Return the folder of `shots_{season}.parquet` and `games.parquet`: the probabilities behind it all."""
        return self.folder / "truth"


def write_league(config: LeagueConfig, folder: Path, league: League | None = None) -> LeaguePaths:
    """Write a league's published files and its truth into a folder; an unchanged league is left untouched.

    Each file appears whole or not at all, the manifest last; what an earlier configuration left behind is removed,
    day files by `write_day` too. `league` spares the generation where the caller has it already.
    """
    paths = LeaguePaths(folder)
    if _is_complete(folder, config.digest):
        return paths
    before = _manifest_files(folder)
    _discard_day_files(paths)
    league = generate(config) if league is None else league
    digests = {}
    for name, data in _files(league).items():
        _write(folder / name, data)
        digests[name] = hashlib.sha256(data).hexdigest()
    for name in sorted(set(before) - set(digests)):
        (folder / name).unlink(missing_ok=True)
    manifest = {"config_digest": config.digest, "config": _plain(config), "files": digests}
    _write(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
    return paths


def write_day(league: League, folder: Path, day: date) -> list[Path]:
    """Publish one day: `shots/NBA_{season}_Shots.{day}.csv` and its siblings, holding only that date's rows.

    Where labels are delayed, the rows that become known on `day` are those of an earlier game date, and the files are
    named by that date. Returns the written paths; a day without games writes nothing. The schedule is not rewritten:
    its readers drop games that have a result.
    """
    paths = LeaguePaths(folder)
    written = []
    for game_day in _game_days_known_on(league.config, day):
        for season in league.config.season_numbers:
            for source, frames in _daily(league).items():
                rows = frames[season].filter(_day(source) == game_day)
                if rows.height:
                    path = paths.folder / source / day_file_name(source, season, game_day)
                    _write(path, _csv(rows))
                    written.append(path)
    return written


def published_csvs(league: League, season: int) -> dict[Dataset, bytes]:
    """Return a season's shots, games and odds as the publishers' CSV bytes, whatever was held back."""
    return {name: _csv(frames[season]) for name, frames in _daily(league).items()}


def last_day(league: League) -> date:
    """Return the date of the newest game, playoffs included."""
    newest = league.games[league.config.season_numbers[-1]].select(_day("games").max()).item()
    if not isinstance(newest, date):
        raise TypeError("the league's newest season has no game")
    return newest


def _daily(league: League) -> dict[Dataset, dict[int, pl.DataFrame]]:
    """Return what is published day by day."""
    return {Dataset.SHOTS: league.shots, Dataset.GAMES: league.games, Dataset.ODDS: league.odds}


def _files(league: League) -> dict[str, bytes]:
    """Return every file's bytes by its path within the folder."""
    config = league.config
    until = config.published_until or last_day(league)
    first, last = config.season_numbers[0], config.season_numbers[-1]

    def known(source: str, frames: dict[int, pl.DataFrame]) -> dict[int, pl.DataFrame]:
        kept = {season: frame.filter(_is_known(config, source, until)) for season, frame in frames.items()}
        return {season: frame for season, frame in kept.items() if frame.height}

    files = {
        f"shots/NBA_{season}_Shots.csv.zip": _zip(f"NBA_{season}_Shots.csv", frame)
        for season, frame in known("shots", league.shots).items()
    }
    games, odds = known("games", league.games), known("odds", league.odds)
    forecasts = known("forecasts", league.forecasts)
    files["games/games.csv"] = _csv(pl.concat([games[season] for season in sorted(games, reverse=True)]))
    files[f"odds/nba_{first}-{last}.csv"] = _csv(pl.concat([odds[season] for season in sorted(odds)]))
    newest_first = pl.concat([forecasts[season] for season in sorted(forecasts, reverse=True)])
    files[f"forecasts/fivethirtyeight_nba_{first}-{last}.csv"] = _csv(newest_first)
    for season, frame in league.tracking.items():
        if season in games:
            name = f"shot_logs_{season - 1}-{season % 100:02d}.csv"
            kept = frame.join(games[season].select("GAME_ID"), on="GAME_ID", how="semi")
            files[f"tracking/{name}.zip"] = _zip(name, kept)
    waiting = league.schedule.filter(~_is_known(config, "schedule", until))
    files["schedule/schedule.csv"] = _csv(waiting)
    for season, frame in league.shot_truth.items():
        files[f"truth/shots_{season}.parquet"] = _parquet(frame)
    files["truth/games.parquet"] = _parquet(pl.concat(league.game_truth.values()))
    return files


def _day(source: str) -> pl.Expr:
    column, style = _DATE_COLUMNS[source]
    return pl.col(column).str.to_date(style)


def _delay(config: LeagueConfig) -> tuple[date, timedelta] | None:
    scenario = config.scenario
    if scenario is None or scenario.kind is not ScenarioKind.LABEL_DELAY:
        return None
    return scenario.start, timedelta(days=scenario.delay_days)


def _is_known(config: LeagueConfig, source: str, until: date) -> pl.Expr:
    """Return which rows are published by a date; from a label delay's start on, a game's rows come late."""
    day = _day(source)
    delay = _delay(config)
    if delay is None:
        return day <= until
    start, wait = delay
    return pl.when(day < start).then(day <= until).otherwise(day <= until - wait)


def _game_days_known_on(config: LeagueConfig, day: date) -> list[date]:
    """Return the game dates whose rows are published on a day."""
    delay = _delay(config)
    if delay is None or day < delay[0]:
        return [day]
    late = day - delay[1]
    return [late] if late >= delay[0] else []


def _csv(frame: pl.DataFrame) -> bytes:
    """Return CSV bytes with TRUE and FALSE, as the publishers write them."""
    flags = [name for name, dtype in frame.schema.items() if dtype == pl.Boolean]
    text = frame.with_columns(
        pl.when(pl.col(name)).then(pl.lit("TRUE")).otherwise(pl.lit("FALSE")).alias(name) for name in flags
    )
    return text.write_csv().encode()


def _zip(name: str, frame: pl.DataFrame) -> bytes:
    """Return a zip with the CSV and, like the publisher's, a resource-fork member beside it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_ZIP_LEVEL) as archive:
        archive.writestr(_member(name), _csv(frame), compresslevel=_ZIP_LEVEL)
        archive.writestr(_member(f"__MACOSX/._{name}"), b"\x00\x05\x16\x07" + bytes(216))
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> None:
    """Put bytes in place at once: a reader sees the old file or the new one."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _plain(config: LeagueConfig) -> str:
    return repr(config)


def _manifest(folder: Path) -> dict[str, object]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    return content if isinstance(content, dict) else {}


def _manifest_files(folder: Path) -> dict[str, str]:
    files = _manifest(folder).get("files", {})
    return {str(name): str(digest) for name, digest in files.items()} if isinstance(files, dict) else {}


def _is_complete(folder: Path, config_digest: str) -> bool:
    """Return whether this configuration's files are all there, byte for byte."""
    if _manifest(folder).get("config_digest") != config_digest:
        return False
    return all(
        (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        for name, digest in _manifest_files(folder).items()
    )


def _discard_day_files(paths: LeaguePaths) -> None:
    """Remove day files of an earlier configuration: they would contradict the new season files."""
    for folder, pattern in ((paths.shots, "NBA_*_Shots.????-??-??.csv"), (paths.games, "games.????-??-??.csv"),
                            (paths.odds, "nba.????-??-??.csv")):  # fmt: skip
        for path in folder.glob(pattern):
            path.unlink()
