"""The games to come: the publisher's schedule where there is one, else the archive's next days without results."""

import datetime as dt

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import GAMES, SCHEDULE
from parivision_assets.core.games import clean_games, game_key, mask_schedule
from parivision_assets.defs.publishing import Events, contract_spec, publish, publish_absent, table_options
from parivision_assets.sources.archives import Dataset, SourceAbsentError, find_files, read
from parivision_assets.stores.home import Home

REPLAYED_DAYS = 7


def published_schedule(home: Home, season: int, today: dt.date) -> pl.DataFrame | None:
    """Return the published games of a season after today (SCHEDULE), None where nobody publishes a schedule."""
    url = home.settings.source_url("schedule")
    if url is None:
        return None
    try:
        files = find_files(url, Dataset.SCHEDULE)
    except SourceAbsentError:
        return None
    if not files:
        return None
    rows = pl.concat([read(file) for file in files]).with_columns(pl.col("game_date").str.to_date("%Y-%m-%d"))
    coming = rows.filter((pl.col("season") == season) & (pl.col("game_date") > today))
    return SCHEDULE.conform(coming.with_columns(game_key=game_key(), stage=pl.lit("regular")).sort("game_key"))


def schedule_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the schedule asset."""

    @dg.asset(
        **table_options(SCHEDULE, "raw", {"csv"}, partitions),
        check_specs=[contract_spec(SCHEDULE, partitions)],
    )
    def build_game_schedule(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        raw_games: pl.DataFrame | None,
        raw_odds: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        unknown = raw_games is None and raw_odds is None
        played = GAMES.schema.to_frame() if unknown else clean_games(raw_games, raw_odds).valid
        today = home.settings.today or played["game_date"].max()
        if not isinstance(today, dt.date):
            yield from publish_absent(home, SCHEDULE, season, f"no game of {season} is known yet")
            return
        coming = published_schedule(home, int(season), today)
        if coming is None:
            coming = mask_schedule(played, today + dt.timedelta(days=1), REPLAYED_DAYS)
        if coming.is_empty():
            yield from publish_absent(home, SCHEDULE, season, f"no game of {season} is to come after {today}")
            return
        yield from publish(SCHEDULE, coming, metadata={"as_of_date": today.isoformat()})

    return [build_game_schedule]
