"""The asset that settles play-money bets when results arrive, and checks the books afterwards."""

import datetime as dt

import dagster as dg
import polars as pl

from parivision_assets.core.betting_tables import BET_SETTLEMENTS
from parivision_assets.core.contracts import GAME_PREDICTIONS, GAMES, SCHEDULE, Table
from parivision_assets.core.game_odds import known_results
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    markdown_table,
    publish,
    publish_absent,
    table_options,
)
from parivision_assets.stores.bet_audit import BetsAudit
from parivision_assets.stores.bet_settling import Settled
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today

BOOKS_CHECK = "books_balance"


def bet_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the asset of settled bets."""

    @dg.asset(
        **table_options(BET_SETTLEMENTS, "predictions", set(), partitions),
        check_specs=[contract_spec(BET_SETTLEMENTS, partitions), books_spec(partitions)],
    )
    def build_bet_settlements(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        validated_games: pl.DataFrame | None,
        game_schedule: pl.DataFrame | None,
    ) -> Events:
        season, as_of = context.partition_key, today(home)
        if as_of is None or not home.has_bets:
            yield books_result(None)
            yield from publish_absent(home, BET_SETTLEMENTS, season, "nobody has bet yet")
            return
        known = known_results(as_of, validated_games, game_schedule, _table(home, GAME_PREDICTIONS, season))
        done = home.bets.settling.settle(int(season), known)
        context.log.info(in_words(done))
        for other in home.bets.settling.open_seasons():
            if other != int(season):
                context.log.info("season %d: %s", other, in_words(settle_landed(home, other, as_of)))
        books, frame = home.bets.audit(), home.bets.settling.settled(int(season))
        yield books_result(books)
        if frame.is_empty():
            yield from publish_absent(home, BET_SETTLEMENTS, season, f"no bet on a game of {season} is settled")
            return
        yield from publish(BET_SETTLEMENTS, frame, problems=books.problems, metadata=metadata(done, as_of))

    return [build_bet_settlements]


def settle_landed(home: Home, season: int, as_of: dt.date) -> Settled:
    """Settle a season by its tables as they are: nothing lands there any more that would cause a run of its own.

    Its table `bet_settlements` follows when that season is materialised again.
    """
    games, schedule, predictions = (_table(home, table, str(season)) for table in (GAMES, SCHEDULE, GAME_PREDICTIONS))
    return home.bets.settling.settle(season, known_results(as_of, games, schedule, predictions))


def _table(home: Home, table: Table, season: str) -> pl.DataFrame | None:
    return home.tables.read(table.name, season) if home.tables.has(table.name, season) else None


def books_spec(partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """Return the blocking check of the play-money ledger."""
    return dg.AssetCheckSpec(
        BOOKS_CHECK,
        asset=BET_SETTLEMENTS.name,
        description="Play money: all entries sum to zero, and stored balances equal those recomputed from entries",
        blocking=True,
        partitions_def=partitions,
    )


def books_result(books: BetsAudit | None) -> dg.AssetCheckResult:
    """Return the finding on the books; None where there are none."""
    return dg.AssetCheckResult(
        passed=books is None or books.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        asset_key=BET_SETTLEMENTS.name,
        check_name=BOOKS_CHECK,
        description="absent: nobody has bet yet" if books is None else books.message,
    )


def in_words(done: Settled) -> str:
    """Return what a run of settling did as one line."""
    ended = f"{len(done.games)} game(s) ended for their bets"
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(done.outcomes.items())) or "no bet"
    return f"{ended}; {outcomes} settled, {done.corrected_bets:,} of them corrections"


def metadata(done: Settled, as_of: dt.date) -> dict[str, object]:
    """Return the counts of a run, and the games that ended in it."""
    games = pl.DataFrame(
        {"game": list(done.games), "ended": list(done.games.values())}, schema={"game": pl.String, "ended": pl.String}
    )
    return {
        "as_of": as_of.isoformat(),
        "summary": in_words(done),
        "settled_bets": sum(done.outcomes.values()),
        **{f"{outcome}_bets": done.outcomes[outcome] for outcome in ("won", "lost", "void")},
        "corrected_bets": done.corrected_bets,
        "borne_by_the_house_cents": done.shortfall_cents,
        "games_ended": dg.MetadataValue.md(markdown_table(games)),
    }
