"""The scoreboard asset: every contestant on the same events, read from where each one's forecast is kept."""

from typing import Any

import dagster as dg
import polars as pl

from parivision_assets.core.catalogue import FEATURE_TABLES, TARGETS
from parivision_assets.core.contracts import GAMES
from parivision_assets.core.forecasts import clean_forecasts
from parivision_assets.core.game_target import GAME
from parivision_assets.core.monitoring_tables import CHALLENGER, SCOREBOARD
from parivision_assets.core.scoreboard import benchmarks, scoreboard
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import Target
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    markdown_table,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.sources.archives import Dataset, SourceAbsentError, find_files, read
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_record import in_play


def scoreboard_asset(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the scoreboard of every target."""

    @dg.asset(
        **table_options(SCOREBOARD, "monitoring", set(), partitions),
        deps=[*FEATURE_TABLES, GAMES.name],
        check_specs=[contract_spec(SCOREBOARD, partitions)],
    )
    def build_scoreboard(
        context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], prediction_outcomes: pl.DataFrame | None
    ) -> Events:
        season = context.partition_key
        frame = SCOREBOARD.schema.to_frame()
        if prediction_outcomes is not None:
            boards = [target_board(home, target, season, prediction_outcomes) for target in TARGETS.values()]
            frame = pl.concat(boards)
        if frame.is_empty():
            yield from publish_absent(home, SCOREBOARD, season, f"no outcome of a served prediction in {season}")
            return
        yield from publish(SCOREBOARD, frame, metadata=board_tables(frame))

    return build_scoreboard


def target_board(home: Home, target: Target, season: str, joined: pl.DataFrame) -> pl.DataFrame:
    """Return one target's scoreboard of a season; its rates are those of earlier seasons."""
    if not home.tables.has(target.table.name, season):
        return SCOREBOARD.schema.to_frame()
    features = home.tables.read(target.table.name, season)
    available = [int(key) for key in home.tables.partitions(target.table.name)]
    training = features.head(0)
    if min(available) < int(season):
        years = walk_forward(int(season), available, target.newest_seasons or len(available))
        keys = sorted({key for baseline in target.baselines for key in baseline.keys})
        training = home.tables.read(target.table.name, years, [target.label, *keys])
    games = home.tables.read(GAMES.name, season) if home.tables.has(GAMES.name, season) else None
    forecasts = published_forecasts(home) if target.name == GAME.name else None
    rivals = benchmarks(target, training, features, games, forecasts)
    return scoreboard(joined, rivals, target.name, int(season), in_play(home, target.name).get(CHALLENGER))


def published_forecasts(home: Home) -> pl.DataFrame | None:
    """Return the published pre-game forecasts, None where nobody publishes any."""
    url = home.settings.source_url(Dataset.FORECASTS)
    if url is None:
        return None
    try:
        files = find_files(url, Dataset.FORECASTS)
    except SourceAbsentError:
        return None
    return clean_forecasts(pl.concat([read(file) for file in files])).valid if files else None


def board_tables(frame: pl.DataFrame) -> dict[str, Any]:
    """Return each board as a table."""
    shown = ["contestant", "n", "log_loss", "log_loss_se", "brier", "accuracy", "behind_nats", "behind_se", "standing"]
    found: dict[str, Any] = {}
    for (target, board), own in frame.partition_by("target", "board", as_dict=True, maintain_order=True).items():
        left_out = f"\n\nLeft out: {own['left_out'][0]:,} events. {own['left_out_reason'][0]}."
        found[f"{target}_{board}"] = dg.MetadataValue.md(markdown_table(own.select(shown)) + left_out)
    return found
