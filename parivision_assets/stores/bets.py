"""The bets' store: placing a bet once, at the odds quoted, and reading what became of it.

Whether a bet is taken is `core.betting_rules`' decision, made here on what the transaction reads. Players are in
`bet_players`, settling in `bet_settling`, checking the books in `bet_audit`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_limits import Spent, limits_at
from parivision_assets.core.betting_rules import BetGame, House, Outcome, Refusal, Standing, refusal
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bet_audit import BetsAudit, audit
from parivision_assets.stores.bet_players import BetPlayers, limit_changes, spent_by
from parivision_assets.stores.bet_settling import BetSettling
from parivision_assets.stores.bet_tables import (
    BetsDatabase,
    accounts,
    as_moment,
    as_text,
    bets,
    escrow_account,
    games,
    player_account,
    players,
    transfers,
)
from parivision_assets.stores.ledger import utc_now

LEAST_RANKED_BETS = 10
"""Settled bets with a closing line before a mean closing-line value is shown in the ranking."""


class BetRefusedError(StoreError):
    """The bet was not taken; `refusal` says why."""

    def __init__(self, why: Refusal) -> None:
        """Keep the reason."""
        super().__init__(why.words)
        self.refusal = why


class KeyReusedError(StoreError):
    """The idempotency key was used for another bet."""


@dataclass(frozen=True, slots=True)
class BetOrder:
    """A bet that a player asks for: the odds are those quoted, locked from here on."""

    player_id: int
    game: BetGame
    side: Side
    stake_cents: int
    odds_hundredths: int
    odds_source: str
    """`champion` or `closing_line`."""
    idempotency_key: str
    request_digest: str
    """Digest of what was asked: the same key with another digest is refused."""
    fair_probability: float | None = None
    """The champion's probability for the side, where it predicted the game."""
    champion: str | None = None


@dataclass(frozen=True, slots=True)
class Bet:
    """A bet as it was placed and what became of it; `outcome` is None while its game is open."""

    bet_id: int
    game_key: str
    game_date: dt.date
    home_team: str
    away_team: str
    side: str
    stake_cents: int
    odds_hundredths: int
    odds_source: str
    fair_probability: float | None
    champion: str | None
    placed_at: str
    placed_on: dt.date
    balance_after_cents: int
    version: int
    """How often it was settled: more than once after a correction."""
    outcome: str | None
    payout_cents: int
    paid_cents: int
    """What the player has of it; above the payout where a correction found less on his account."""
    closing_probability: float | None


@dataclass(frozen=True, slots=True)
class Ranked:
    """One line of the leaderboard; void bets do not count."""

    nickname: str
    settled_bets: int
    staked_cents: int
    profit_cents: int
    """Payouts less stakes."""
    closing_line_value: float | None
    """Mean expected gain per coin staked, judged by closing lines; None where no bet has one."""


_COLUMNS = [games.c[field.name] if field.name in games.c and field.name not in bets.c else bets.c[field.name]
            for field in fields(Bet)]  # fmt: skip


# Statements that every bet needs are built once: building them costs more than SQLite does.
BETS = sa.select(*_COLUMNS).join(games, games.c.game_key == bets.c.game_key)
REMEMBERED = BETS.add_columns(bets.c.request_digest).where(
    bets.c.player_id == sa.bindparam("player"), bets.c.idempotency_key == sa.bindparam("idempotency")
)
LOCK_PLAYER = (
    sa.select(players.c.paused_until)
    .where(players.c.player_id == sa.bindparam("player"))
    .with_for_update(key_share=True)
)
BALANCE = sa.select(accounts.c.balance_cents).where(accounts.c.account == sa.bindparam("account"))
HOLD_GAME = sa.select(games.c.version).where(games.c.game_key == sa.bindparam("game")).with_for_update(read=True)
TAKE_BET = bets.insert().returning(bets.c.bet_id)
STAKE = transfers.insert()


class Bets:
    """Bets in one database. Open it with `Bets.open`; instances may be shared by threads."""

    def __init__(self, database: BetsDatabase, clock: Callable[[], dt.datetime] = utc_now) -> None:
        """Use a database; `clock` gives the moment in UTC."""
        self._database, self._clock = database, clock

    @classmethod
    def open(cls, where: str | Path, clock: Callable[[], dt.datetime] = utc_now) -> Self:
        """Return the bets in a SQLite file (path or URL), created if absent, or in a migrated PostgreSQL.

        Raises NotMigratedError naming the command, DatabaseAwayError, or StoreError where no file can be made.
        """
        return cls(BetsDatabase(where), clock)

    @cached_property
    def players(self) -> BetPlayers:
        """Return the players."""
        return BetPlayers(self._database, self._clock)

    @cached_property
    def settling(self) -> BetSettling:
        """Return what settles bets."""
        return BetSettling(self._database, self._clock)

    def audit(self) -> BetsAudit:
        """Check the books as of one moment."""
        return self._database.read(audit)

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()

    def place(
        self,
        order: BetOrder,
        house: House,
        today: dt.date,
        newest_known: Callable[[], dt.date | None] = lambda: None,
    ) -> Bet:
        """Take a bet, once: the same key and digest again returns the bet that was taken.

        `today` is the platform's date; `newest_known`, asked within the transaction, the newest day whose results are
        told already. Raises BetRefusedError, or KeyReusedError for a key of another bet.
        """
        when = self._clock(), lambda: max(today, newest_known() or today)
        return self._database.write(lambda connection: self._place(connection, order, house, when))

    def _place(
        self,
        connection: sa.Connection,
        order: BetOrder,
        house: House,
        when: tuple[dt.datetime, Callable[[], dt.date]],
    ) -> Bet:
        now, today = when
        player = {"player": order.player_id}
        # Whoever places for the same player, or settles his bets, waits here.
        paused_until = connection.execute(LOCK_PLAYER, player).scalar_one()
        taken = _remembered(connection, order.player_id, order.idempotency_key, order.request_digest)
        if taken is not None:
            return taken
        balance_cents = connection.execute(BALANCE, {"account": player_account(order.player_id)}).scalar_one()
        changes = limit_changes(connection, order.player_id)
        limits = limits_at(changes, now) if changes else {}
        is_limited = any(most is not None for most in limits.values())
        spent = spent_by(connection, order.player_id, now) if is_limited else Spent()
        standing = Standing(
            now,
            today(),
            balance_cents,
            limits,
            spent,
            None if paused_until is None else as_moment(paused_until),
            self._has_ended(connection, order.game),
        )
        why = refusal(order.game, order.stake_cents, house, standing)
        if why is not None:
            raise BetRefusedError(why)
        return _take(connection, order, standing)

    def _has_ended(self, connection: sa.Connection, game: BetGame) -> bool:
        """Return whether a game ended for its bets, holding it open until the end of the transaction."""
        version = connection.execute(HOLD_GAME, {"game": game.game_key}).scalar()
        if version is None:
            dialect = sqlite if self._database.is_sqlite else postgresql
            row = {
                "game_key": game.game_key,
                "season": game.season,
                "game_date": game.game_date,
                "home_team": game.home_team,
                "away_team": game.away_team,
                "version": 0,
            }
            connection.execute(dialect.insert(games).values(row).on_conflict_do_nothing())
            version = connection.execute(HOLD_GAME, {"game": game.game_key}).scalar_one()
        return bool(version > 0)

    def remembered(self, player_id: int, idempotency_key: str, request_digest: str) -> Bet | None:
        """Return the bet that a key was used for, None for a new key. Raises KeyReusedError for another bet."""
        return self._database.read(lambda found: _remembered(found, player_id, idempotency_key, request_digest))

    def bet(self, player_id: int, bet_id: int) -> Bet | None:
        """Return one of a player's bets, None where he has no such bet."""
        query = BETS.where(bets.c.player_id == player_id, bets.c.bet_id == bet_id)
        row = self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else Bet(*row)

    def bets_of(
        self, player_id: int, state: Literal["open", "settled"] | None, before: int | None, count: int
    ) -> list[Bet]:
        """Return a player's newest bets, those before a bet's number only if it is given."""
        query = BETS.where(bets.c.player_id == player_id)
        if state is not None:
            query = query.where(bets.c.version == 0 if state == "open" else bets.c.version > 0)
        if before is not None:
            query = query.where(bets.c.bet_id < before)
        query = query.order_by(bets.c.bet_id.desc()).limit(count)
        return [Bet(*row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def leaderboard(self, by: Literal["profit", "closing_line_value"], count: int) -> list[Ranked]:
        """Return the best players, those of equal figures by nickname."""
        has_line = bets.c.closing_probability.is_not(None)
        stake = sa.cast(bets.c.stake_cents, sa.Double)
        gain = stake * (bets.c.odds_hundredths / 100.0 * bets.c.closing_probability - 1.0)
        value = sa.func.sum(sa.case((has_line, gain))) / sa.func.sum(sa.case((has_line, stake)))
        profit = sa.func.sum(bets.c.payout_cents - bets.c.stake_cents)
        query = (
            sa.select(players.c.nickname, sa.func.count(), sa.func.sum(bets.c.stake_cents), profit, value)
            .join(players, players.c.player_id == bets.c.player_id)
            .where(bets.c.outcome.in_([Outcome.WON, Outcome.LOST]))
            .group_by(players.c.player_id, players.c.nickname, players.c.nickname_key)
        )
        if by == "closing_line_value":
            query = query.having(sa.func.sum(sa.case((has_line, 1), else_=0)) >= LEAST_RANKED_BETS)
        order = (profit if by == "profit" else value).desc()
        rows = self._database.read(
            lambda connection: connection.execute(query.order_by(order, players.c.nickname_key).limit(count)).all()
        )
        return [Ranked(name, n, int(staked), int(won), worth) for name, n, staked, won, worth in rows]

    def ended_games(self, after: dt.date) -> frozenset[str]:
        """Return the games of dates after a date that ended for their bets."""
        query = sa.select(games.c.game_key).where(games.c.game_date > after, games.c.version > 0)
        return frozenset(self._database.read(lambda connection: connection.execute(query).scalars().all()))

    def open_bets(self) -> tuple[int, int]:
        """Return how many bets are open, and their stakes in cents."""
        query = sa.select(sa.func.count(), sa.func.sum(bets.c.stake_cents)).where(bets.c.version == 0)
        count, stakes = self._database.read(lambda connection: connection.execute(query).one())
        return int(count), int(stakes or 0)


def _remembered(connection: sa.Connection, player_id: int, key: str, digest: str) -> Bet | None:
    row = connection.execute(REMEMBERED, {"player": player_id, "idempotency": key}).first()
    if row is None:
        return None
    if row[-1] != digest:
        raise KeyReusedError(
            "This Idempotency-Key was used for another bet; send a new key with a new bet, the same bet with its key"
        )
    return Bet(*row[:-1])


def _take(connection: sa.Connection, order: BetOrder, standing: Standing) -> Bet:
    """Record a bet and move its stake into escrow."""
    game, placed_at = order.game, as_text(standing.now)
    values = {
        "player_id": order.player_id,
        "game_key": game.game_key,
        "side": order.side.value,
        "stake_cents": order.stake_cents,
        "odds_hundredths": order.odds_hundredths,
        "odds_source": order.odds_source,
        "fair_probability": order.fair_probability,
        "champion": order.champion,
        "placed_at": placed_at,
        "placed_on": standing.today,
        "idempotency_key": order.idempotency_key,
        "request_digest": order.request_digest,
        "balance_after_cents": standing.balance_cents - order.stake_cents,
        "version": 0,
        "outcome": None,
        "payout_cents": 0,
        "paid_cents": 0,
        "closing_probability": None,
    }
    bet_id = connection.execute(TAKE_BET, values).scalar_one()
    stake = {
        "from_account": player_account(order.player_id),
        "to_account": escrow_account(order.player_id),
        "amount_cents": order.stake_cents,
        "kind": "stake",
        "bet_id": bet_id,
        "recorded_at": placed_at,
    }
    connection.execute(STAKE, stake)
    known = {**values, "bet_id": bet_id, "game_date": game.game_date}
    known |= {"home_team": game.home_team, "away_team": game.away_team}
    return Bet(**{field.name: known[field.name] for field in fields(Bet)})
