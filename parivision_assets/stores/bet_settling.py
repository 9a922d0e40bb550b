"""Settling bets: each once per end of its game, whoever settles and however often it is killed in between.

A game first ends, which closes it and counts its version; then its bets follow in batches, each bet up to that
version. How a game ends and what a bet pays is `core.betting_rules`' matter.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_rules import (
    BetGame,
    GameEnd,
    KnownResults,
    bet_outcome,
    correction_cents,
    game_end,
)
from parivision_assets.stores.bet_tables import (
    HOUSE,
    BetsDatabase,
    accounts,
    as_text,
    bets,
    escrow_account,
    games,
    player_account,
    players,
    settlements,
    transfers,
)

if TYPE_CHECKING:
    import polars as pl

BATCH_BETS = 500
"""Per transaction: in SQLite nobody else writes meanwhile."""

Rows = list[dict[str, Any]]


@dataclass
class Settled:
    """What one run of settling did: bets by outcome, how many of them were corrections, and games that ended."""

    outcomes: Counter[str] = field(default_factory=Counter)
    corrected_bets: int = 0
    shortfall_cents: int = 0
    """What corrections could not take back, since it was staked already."""
    games: dict[str, str] = field(default_factory=dict)
    closing_lines: int = 0
    """Games that had ended and whose closing line came, or changed, afterwards."""


@dataclass(frozen=True)
class _Batch:
    """What one transaction writes."""

    settlements: Rows = field(default_factory=list)
    transfers: Rows = field(default_factory=list)
    bets: Rows = field(default_factory=list)


class BetSettling:
    """Settling in one database."""

    def __init__(self, database: BetsDatabase, clock: Callable[[], dt.datetime]) -> None:
        """Use a database; `clock` gives the moment in UTC."""
        self._database, self._clock = database, clock

    def settle(self, season: int, known: KnownResults) -> Settled:
        """Settle, void and correct the bets of a season's games by what is known of them; again changes nothing."""
        done = Settled()
        # What an earlier run was killed in comes first: a game ends anew once all its bets have followed.
        self._settle_behind(season, known.today, done)
        for row in self._games(season):
            ended = None if row.ended is None else GameEnd(row.ended)
            end = game_end(BetGame(row.game_key, season, row.game_date, row.home_team, row.away_team), known, ended)
            closing = known.closing.get(row.game_key, row.closing_probability)
            if end is not None and end is not ended:
                if self._end(row.game_key, row.version, end, closing):
                    done.games[row.game_key] = end.value
            elif ended is not None and closing != row.closing_probability:
                self._close_at(row.game_key, closing)
                done.closing_lines += 1
        self._settle_behind(season, known.today, done)
        return done

    def open_seasons(self) -> list[int]:
        """Return the seasons with bets that are not settled, the oldest first."""
        waiting = sa.exists().where(bets.c.game_key == games.c.game_key, bets.c.version == 0)
        query = sa.select(games.c.season).where(waiting).distinct().order_by(games.c.season)
        return list(self._database.read(lambda connection: connection.execute(query).scalars().all()))

    def _settle_behind(self, season: int, today: dt.date, done: Settled) -> None:
        for game_key in self._behind(season):
            while self._settle_batch(game_key, today, done):
                pass

    def _games(self, season: int) -> Sequence[sa.Row[Any]]:
        query = sa.select(games).where(games.c.season == season).order_by(games.c.game_key)
        return self._database.read(lambda connection: connection.execute(query).all())

    def _end(self, game_key: str, version: int, end: GameEnd, closing_probability: float | None) -> bool:
        """End a game for its bets unless somebody did since, or some of them wait for its end before this one.

        Nobody bets on it from here on.
        """
        values = {"ended": end.value, "closing_probability": closing_probability, "version": version + 1}
        waiting = sa.exists().where(bets.c.game_key == game_key, bets.c.version < version)
        same = sa.and_(games.c.game_key == game_key, games.c.version == version, sa.not_(waiting))
        query = games.update().where(same).values(values).returning(games.c.game_key)
        return self._database.write(lambda connection: connection.execute(query).first() is not None)

    def _close_at(self, game_key: str, home_probability: float) -> None:
        """Give an ended game, and its settled bets, another closing line; it moves no money and settles nothing."""

        def change(connection: sa.Connection) -> None:
            # The game first: whoever settles its bets holds it until they are written.
            line = games.update().where(games.c.game_key == game_key).values(closing_probability=home_probability)
            connection.execute(line)
            for side in Side:
                own = sa.and_(bets.c.game_key == game_key, bets.c.side == side.value, bets.c.version > 0)
                closing = side.probability(home_probability)
                connection.execute(bets.update().where(own).values(closing_probability=closing))

        self._database.write(change)

    def _behind(self, season: int) -> list[str]:
        """Return the games some of whose bets do not have the game's version yet."""
        query = (
            sa.select(games.c.game_key)
            .where(games.c.season == season, games.c.version > 0)
            .where(sa.exists().where(bets.c.game_key == games.c.game_key, bets.c.version < games.c.version))
            .order_by(games.c.game_key)
        )
        return list(self._database.read(lambda connection: connection.execute(query).scalars().all()))

    def _settle_batch(self, game_key: str, today: dt.date, done: Settled) -> int:
        """Settle some of a game's bets and return how many; 0 when all have the game's version."""
        found = self._database.write(lambda connection: _settle(connection, game_key, self._clock(), today))
        for row in found.settlements:
            done.outcomes[row["outcome"]] += 1
            done.corrected_bets += row["version"] > 1
            done.shortfall_cents += row["paid_cents"] - row["payout_cents"]
        return len(found.settlements)

    def settled(self, season: int) -> pl.DataFrame:
        """Return the newest settlement of each of a season's settled bets (BET_SETTLEMENTS), by bet."""
        import polars as pl

        from parivision_assets.core.betting_tables import BET_SETTLEMENTS

        own = ("season", "game_date")
        columns = [games.c[name] if name in own else bets.c[name] for name in BET_SETTLEMENTS.names() if name in bets.c
                   or name in own]  # fmt: skip
        query = (
            sa.select(*columns, settlements.c.settled_on)
            .join(games, games.c.game_key == bets.c.game_key)
            .join(settlements, (settlements.c.bet_id == bets.c.bet_id) & (settlements.c.version == bets.c.version))
            .where(games.c.season == season)
            .order_by(bets.c.bet_id)
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        schema = {column.name: BET_SETTLEMENTS.schema[column.name] for column in query.selected_columns}
        return BET_SETTLEMENTS.conform(pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row"))


def _settle(connection: sa.Connection, game_key: str, now: dt.datetime, today: dt.date) -> _Batch:
    game = connection.execute(
        sa.select(games.c.ended, games.c.version, games.c.closing_probability)
        .where(games.c.game_key == game_key)
        .with_for_update(read=True)
    ).one()
    behind = sa.and_(bets.c.game_key == game_key, bets.c.version < game.version)
    # Credits before debits: what a correction takes back must not depend on which side was bet on first.
    order = (bets.c.side != game.ended, bets.c.bet_id)
    chosen = sa.select(bets.c.player_id).where(behind).order_by(*order).limit(BATCH_BETS)
    who = sorted(set(connection.execute(chosen).scalars()))
    # Players in one order, and before anything of theirs: two who settle, or one who bets, never wait in a circle.
    locked = sa.select(players.c.player_id).where(players.c.player_id.in_(who)).order_by(players.c.player_id)
    connection.execute(locked.with_for_update(key_share=True))
    rows = connection.execute(
        sa.select(bets).where(behind, bets.c.player_id.in_(who)).order_by(*order).limit(BATCH_BETS)
    ).all()
    own = accounts.c.account.in_([player_account(player_id) for player_id in who])
    found = connection.execute(sa.select(accounts.c.account, accounts.c.balance_cents).where(own))
    balances = {str(row.account): int(row.balance_cents) for row in found}
    batch = _Batch()
    for row in rows:
        _settle_one(row, game, balances, batch)
    at = {"settled_at": as_text(now), "settled_on": today}
    _write(connection, batch, at)
    return batch


def _settle_one(row: Any, game: Any, balances: dict[str, int], batch: _Batch) -> None:
    """Add to the batch what settles, or corrects, one bet."""
    side, end = Side(row.side), GameEnd(game.ended)
    outcome, payout_cents = bet_outcome(side, row.stake_cents, row.odds_hundredths, end)
    player, escrow = player_account(row.player_id), escrow_account(row.player_id)
    if row.version == 0:
        paid_cents = payout_cents
        returned = min(row.stake_cents, payout_cents)
        moves = [
            (escrow, player, returned, "returned"),
            (escrow, HOUSE, row.stake_cents - returned, "lost"),
            (HOUSE, player, payout_cents - returned, "won"),
        ]
        balances[player] += payout_cents
    else:
        moved = correction_cents(row.paid_cents, payout_cents, balances[player])
        paid_cents = row.paid_cents + moved
        moves = [(HOUSE, player, moved, "correction"), (player, HOUSE, -moved, "correction")]
        balances[player] += moved
    closing = None if game.closing_probability is None else side.probability(game.closing_probability)
    result = {
        "outcome": outcome.value,
        "payout_cents": payout_cents,
        "paid_cents": paid_cents,
        "closing_probability": closing,
    }
    batch.settlements.append({"bet_id": row.bet_id, "version": game.version, **result})
    batch.bets.append({"of_bet": row.bet_id, "before": row.version, "version": game.version, **result})
    batch.transfers.extend(
        {"from_account": source, "to_account": target, "amount_cents": amount, "kind": kind, "bet_id": row.bet_id,
         "version": game.version}
        for source, target, amount, kind in moves if amount > 0
    )  # fmt: skip


def _write(connection: sa.Connection, batch: _Batch, at: dict[str, Any]) -> None:
    if not batch.bets:
        return
    # Settlements first: a version that is there already refuses the whole transaction.
    connection.execute(settlements.insert(), [{**row, **at} for row in batch.settlements])
    recorded = at["settled_at"]
    if batch.transfers:
        connection.execute(transfers.insert(), [{**row, "recorded_at": recorded} for row in batch.transfers])
    names = ("version", "outcome", "payout_cents", "paid_cents", "closing_probability")
    change = bets.update().where(bets.c.bet_id == sa.bindparam("of_bet"), bets.c.version == sa.bindparam("before"))
    connection.execute(change.values({name: sa.bindparam(name) for name in names}), batch.bets)
