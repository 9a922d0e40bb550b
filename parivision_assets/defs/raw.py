"""Raw assets: bytes as received in the landing zone, and a typed table of them. Structure is judged, values are not."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import Column, Table
from parivision_assets.core.game_numbers import newest_file_per_game
from parivision_assets.core.games import newest_rows
from parivision_assets.defs.publishing import (
    SUITE_CHECK,
    Events,
    publish_absent,
    publish_judged,
    suite_spec,
    table_options,
)
from parivision_assets.sources.archives import (
    FORMATS,
    Dataset,
    SourceAbsentError,
    SourceFile,
    SourceFormatError,
    find_files,
    parse,
    read_bytes,
)
from parivision_assets.sources.published import SEASON_OF_ROW
from parivision_assets.sources.synthetic import write_league
from parivision_assets.stores.home import Home
from parivision_assets.stores.landing import LandedObject

NEWEST: Mapping[Dataset, Callable[[list[pl.DataFrame]], pl.DataFrame]] = {
    Dataset.SHOTS: newest_file_per_game,
    Dataset.GAMES: newest_rows,
    Dataset.ODDS: newest_rows,
    # Tracking logs come as one file; a newer one replaces it.
    Dataset.TRACKING: lambda frames: frames[-1],
}
"""How several landed files become one table: for each game the newest file supplies all rows."""


def raw_table(dataset: Dataset) -> Table:
    """Return the contract of a raw table: the publisher's columns as published, any value allowed."""
    published = FORMATS[dataset]
    columns = tuple(
        Column(name, type(dtype) if isinstance(dtype, pl.DataType) else dtype, f"{name} as published", nullable=True)
        for name, dtype in published.schema.items()
    )
    return Table(f"raw_{dataset}", f"{published.publisher}: rows as received", columns, ("source_file", "source_row"))


RAW_TABLES = {dataset: raw_table(dataset) for dataset in SEASON_OF_ROW}


def land(home: Home, dataset: Dataset, season: int) -> list[LandedObject]:
    """Fetch what the publisher offers for a season into the landing zone; return all that ever landed, oldest first.

    Bytes that were refused before are judged again: a newer version of this platform may understand them.
    Raises SourceFormatError when they are still refused.
    """
    if home.settings.uses_league:
        write_league(home.settings.league_config(), home.root / "league")
    url = home.settings.source_url(dataset)
    for file in [] if url is None else _offered(url, dataset, season):
        entry = home.landing.land(dataset, str(season), read_bytes(file.url), url=file.url, day=file.day)
        if entry.rejected is not None:
            parse(dataset, home.landing.read(entry), entry.name)
            home.landing.accept(entry)
    return home.landing.objects(dataset, str(season))


def _offered(url: str, dataset: Dataset, season: int) -> list[SourceFile]:
    try:
        return find_files(url, dataset, season)
    except SourceAbsentError:
        return []


def typed(home: Home, dataset: Dataset, season: int, landed: list[LandedObject]) -> pl.DataFrame:
    """Return a season's rows from its landed files, each game from the newest file that holds it.

    A file that is not in its publisher's format is marked as refused, so that the next good one takes its place.
    """
    frames = []
    for entry in landed:
        try:
            frames.append(parse(dataset, home.landing.read(entry), entry.name))
        except SourceFormatError as error:
            home.landing.reject(entry, str(error))
            raise
    return NEWEST[dataset]([frame.filter(SEASON_OF_ROW[dataset] == season) for frame in frames])


def raw_asset(dataset: Dataset, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the raw asset of one dataset."""
    table = RAW_TABLES[dataset]

    @dg.asset(
        **table_options(table, "raw", {"csv"}, partitions),
        check_specs=[suite_spec(table, "structure", partitions)],
    )
    def raw(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Events:
        season = context.partition_key
        try:
            landed = land(home, dataset, int(season))
            frame = typed(home, dataset, int(season), landed) if landed else None
        except SourceFormatError as error:
            yield refused(table, error)
            return
        if frame is None or frame.is_empty():
            yield from publish_absent(home, table, season, f"no {dataset} published for {season}")
            return
        yield from publish_judged(home, table, frame, season, "structure", metadata=landed_metadata(landed))

    return raw


def refused(table: Table, error: SourceFormatError) -> dg.AssetCheckResult:
    """Return the failed blocking check of a file that is not in its publisher's format; what was there stays."""
    return dg.AssetCheckResult(
        passed=False,
        asset_key=table.name,
        check_name=SUITE_CHECK,
        description=str(error),
        metadata={
            "file": error.file,
            "row": error.row or 0,
            "column": error.column or "",
            "rule": error.rule,
            "next_step": error.next_step,
        },
    )


def landed_metadata(landed: list[LandedObject]) -> dict[str, Any]:
    """Return where the bytes came from, for the asset's metadata."""
    return {
        "source_url": landed[-1].url,
        "sha256": landed[-1].sha256,
        "landed_files": dg.MetadataValue.table(
            records=[
                dg.TableRecord(
                    {"url": item.url, "sha256": item.sha256, "bytes": item.size_bytes, "day": str(item.day or "")}
                )
                for item in landed
            ]
        ),
    }


def raw_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the raw assets of all archives."""
    return [raw_asset(dataset, partitions) for dataset in RAW_TABLES]
