"""The tables of play-money bets, and the database they lie in. What is done with them is in the other `bet_*` stores.

Money moves by transfers alone: a transfer takes from one account what it gives to another, so the entries of every
transfer, and of all of them, sum to zero. Triggers move the stored balances; no player's balance can become negative.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from parivision_assets.stores.database import metadata, open_database, patiently

Answer = TypeVar("Answer")

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
HOUSE, BONUS = "house", "bonus"
"""Accounts that may be negative: what players lost or won, and what they were given to play with."""

POOLED_CONNECTIONS = 20

players = sa.Table(
    "bet_players",
    metadata,
    sa.Column("player_id", NUMBER, primary_key=True),
    sa.Column("nickname", sa.String(40), nullable=False),
    sa.Column("nickname_key", sa.String(80), nullable=False, unique=True),
    sa.Column("recovery_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("token_expires_at", sa.String(32), nullable=False),
    sa.Column("joined_at", sa.String(32), nullable=False),
    sa.Column("paused_until", sa.String(32)),
)

limits = sa.Table(
    "bet_limits",
    metadata,
    sa.Column("change_id", NUMBER, primary_key=True),
    sa.Column("player_id", NUMBER, sa.ForeignKey("bet_players.player_id"), nullable=False, index=True),
    sa.Column("limit_kind", sa.String(20), nullable=False),
    sa.Column("most_cents", sa.BigInteger),
    sa.Column("asked_at", sa.String(32), nullable=False),
    sa.Column("holds_from", sa.String(32), nullable=False),
)

accounts = sa.Table(
    "bet_accounts",
    metadata,
    sa.Column("account", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("balance_cents", sa.BigInteger, nullable=False),
    sa.CheckConstraint("balance_cents >= 0 OR kind IN ('house', 'bonus')", name="bet_accounts_never_negative"),
)

games = sa.Table(
    "bet_games",
    metadata,
    sa.Column("game_key", sa.String(40), primary_key=True),
    sa.Column("season", sa.Integer, nullable=False, index=True),
    sa.Column("game_date", sa.Date, nullable=False),
    sa.Column("home_team", sa.String(10), nullable=False),
    sa.Column("away_team", sa.String(10), nullable=False),
    sa.Column("ended", sa.String(8)),
    sa.Column("closing_probability", sa.Double),
    sa.Column("version", sa.Integer, nullable=False),
)
"""`version` counts how often a game ended for its bets: 0 while it is open, 2 and more after corrections."""

bets = sa.Table(
    "bets",
    metadata,
    sa.Column("bet_id", NUMBER, primary_key=True),
    sa.Column("player_id", NUMBER, sa.ForeignKey("bet_players.player_id"), nullable=False),
    sa.Column("game_key", sa.String(40), sa.ForeignKey("bet_games.game_key"), nullable=False),
    sa.Column("side", sa.String(4), nullable=False),
    sa.Column("stake_cents", sa.BigInteger, nullable=False),
    sa.Column("odds_hundredths", sa.Integer, nullable=False),
    sa.Column("odds_source", sa.String(20), nullable=False),
    sa.Column("fair_probability", sa.Double),
    sa.Column("champion", sa.String(64)),
    sa.Column("placed_at", sa.String(32), nullable=False),
    sa.Column("placed_on", sa.Date, nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False),
    sa.Column("request_digest", sa.String(64), nullable=False),
    sa.Column("balance_after_cents", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(8)),
    sa.Column("payout_cents", sa.BigInteger, nullable=False),
    sa.Column("paid_cents", sa.BigInteger, nullable=False),
    sa.Column("closing_probability", sa.Double),
    sa.CheckConstraint("stake_cents > 0 AND odds_hundredths > 100", name="bets_stake_and_odds"),
    sa.UniqueConstraint("player_id", "idempotency_key", name="bets_one_per_key"),
    sa.Index("bets_by_game", "game_key", "version"),
    sa.Index("bets_by_player", "player_id", "placed_at"),
)
"""The last five columns say what the newest settlement says; all others are locked when the bet is placed."""

settlements = sa.Table(
    "bet_settlements",
    metadata,
    sa.Column("bet_id", NUMBER, sa.ForeignKey("bets.bet_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("outcome", sa.String(8), nullable=False),
    sa.Column("payout_cents", sa.BigInteger, nullable=False),
    sa.Column("paid_cents", sa.BigInteger, nullable=False),
    sa.Column("closing_probability", sa.Double),
    sa.Column("settled_at", sa.String(32), nullable=False),
    sa.Column("settled_on", sa.Date, nullable=False),
)

transfers = sa.Table(
    "bet_transfers",
    metadata,
    sa.Column("transfer_id", NUMBER, primary_key=True),
    sa.Column("from_account", sa.String(40), sa.ForeignKey("bet_accounts.account"), nullable=False, index=True),
    sa.Column("to_account", sa.String(40), sa.ForeignKey("bet_accounts.account"), nullable=False, index=True),
    sa.Column("amount_cents", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("bet_id", NUMBER, sa.ForeignKey("bets.bet_id"), index=True),
    sa.Column("version", sa.Integer),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.CheckConstraint("amount_cents > 0 AND from_account <> to_account", name="bet_transfers_move_something"),
)

entries = sa.table(
    "bet_entries",
    sa.column("transfer_id", NUMBER),
    sa.column("account", sa.String),
    sa.column("amount_cents", sa.BigInteger),
    sa.column("kind", sa.String),
    sa.column("bet_id", NUMBER),
    sa.column("recorded_at", sa.String),
)
"""A view: two entries of every transfer, one negative."""


def player_account(player_id: int) -> str:
    """Return the account that holds what a player may stake."""
    return f"player/{player_id}"


def escrow_account(player_id: int) -> str:
    """Return the account that holds a player's stakes until their games end."""
    return f"escrow/{player_id}"


def as_text(moment: dt.datetime) -> str:
    """Return a moment in UTC as it is stored: text that sorts by time."""
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")


def as_moment(text: str) -> dt.datetime:
    """Return a stored moment."""
    return dt.datetime.fromisoformat(text)


class BetsDatabase:
    """Transactions on the bets' database; safe for threads and processes.

    In SQLite writers take turns: within this process by a lock, which is fair and quick, beyond it by BEGIN IMMEDIATE.
    Commits survive kill -9; with `synchronous=NORMAL` a power failure may take the newest ones whole, never in part.
    """

    def __init__(self, where: str | Path) -> None:
        """Open the database as `open_database` does; raises what it raises."""
        url = open_database(where).url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._turn = threading.Lock()
        if self.is_sqlite:
            self._engine = sa.create_engine(url, connect_args={"timeout": 60}, pool_size=POOLED_CONNECTIONS)
            sa.event.listen(self._engine, "connect", _set_pragmas)
        else:
            self._engine = sa.create_engine(
                url,
                isolation_level="READ COMMITTED",
                pool_size=POOLED_CONNECTIONS,
                pool_pre_ping=True,
                connect_args={"connect_timeout": 10},
            )

    def write(self, change: Callable[[sa.Connection], Answer]) -> Answer:
        """Return what `change` returns, having committed all of what it did, or nothing where it raises.

        Only for changes that may be asked again: a connection that is lost in the commit is asked again.
        """
        return patiently(lambda: self._write(change))

    def _write(self, change: Callable[[sa.Connection], Answer]) -> Answer:
        if not self.is_sqlite:
            with self._engine.begin() as connection:
                return change(connection)
        with self._turn, self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return change(connection)

    def read(self, ask: Callable[[sa.Connection], Answer]) -> Answer:
        """Return what `ask` returns, all of it as of one moment."""

        def once() -> Answer:
            with self._reading() as connection:
                return ask(connection)

        return patiently(once)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            yield connection

    def close(self) -> None:
        """Close the connections that are at rest."""
        self._engine.dispose()


def _set_pragmas(connection: object, _: object) -> None:
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]
