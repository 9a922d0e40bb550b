"""Players of VirtualBets: who they are, what they allow themselves, what their accounts hold.

Codes and tokens are kept as digests only; both carry so much chance that a plain sha256 cannot be guessed back.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from parivision_assets.core.betting_limits import Limit, LimitChange, Spent, change_of, limits_at, pause_until
from parivision_assets.core.nicknames import nickname, nickname_key
from parivision_assets.stores.atomic import StoreError, digest_of
from parivision_assets.stores.bet_tables import (
    BONUS,
    BetsDatabase,
    accounts,
    as_moment,
    as_text,
    bets,
    entries,
    escrow_account,
    limits,
    player_account,
    players,
    transfers,
)

TOKEN_BYTES = 32
RECOVERY_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is read as another."""
RECOVERY_GROUPS, RECOVERY_GROUP = 5, 5
"""25 letters of 5 bits: 125 bits."""


class NicknameTakenError(StoreError):
    """Somebody plays under that nickname already."""


class UnknownCodeError(StoreError):
    """No player has this recovery code."""


class TokenError(StoreError):
    """The token opens nothing; `expired` says whether it once did."""

    def __init__(self, *, expired: bool) -> None:
        """Say what to do next."""
        super().__init__(
            "This token has expired; sign in with your recovery code"
            if expired
            else "This token is not known here; sign in with your recovery code"
        )
        self.expired = expired


_own, _escrow = accounts.alias(), accounts.alias()
# Built once: every request asks this.
PLAYER = (
    sa.select(players, _own.c.balance_cents, _escrow.c.balance_cents.label("staked_cents"))
    .join(_own, _own.c.account == sa.literal("player/") + sa.cast(players.c.player_id, sa.String))
    .join(_escrow, _escrow.c.account == sa.literal("escrow/") + sa.cast(players.c.player_id, sa.String))
    .where(players.c.token_digest == sa.bindparam("digest"))
)
LIMIT_CHANGES = (
    sa.select(limits.c.limit_kind, limits.c.most_cents, limits.c.asked_at, limits.c.holds_from)
    .where(limits.c.player_id == sa.bindparam("player"))
    .order_by(limits.c.change_id)
)


@dataclass(frozen=True, slots=True)
class Player:
    """A player and what the two accounts hold."""

    player_id: int
    nickname: str
    balance_cents: int
    staked_cents: int
    """Stakes of open bets."""
    paused_until: dt.datetime | None
    token_expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A player with a new token; the recovery code is told once, at sign-up."""

    player: Player
    token: str
    recovery_code: str | None = None


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One movement of a player's own account; negative where it left."""

    transfer_id: int
    amount_cents: int
    kind: str
    bet_id: int | None
    recorded_at: str


class BetPlayers:
    """Players in one database."""

    def __init__(self, database: BetsDatabase, clock: Callable[[], dt.datetime]) -> None:
        """Use a database; `clock` gives the moment in UTC."""
        self._database, self._clock = database, clock

    def sign_up(self, name: str, welcome_cents: int, token_life: dt.timedelta) -> SignedIn:
        """Make a player with a balance to begin with.

        Raises ValueError for what cannot be a nickname, NicknameTakenError where it differs from another in case only.
        """
        shown, key, now = nickname(name), nickname_key(name), self._clock()
        code, token = new_recovery_code(), secrets.token_urlsafe(TOKEN_BYTES)
        expires = now + token_life
        row = {
            "nickname": shown,
            "nickname_key": key,
            "recovery_digest": digest_of(recovery_letters(code).encode()),
            "token_digest": digest_of(token.encode()),
            "token_expires_at": as_text(expires),
            "joined_at": as_text(now),
        }

        def join(connection: sa.Connection) -> int:
            found = connection.execute(
                sa.select(players.c.player_id, players.c.token_digest).where(players.c.nickname_key == key)
            ).first()
            if found is not None:
                # Asked again after a connection that was lost in the commit.
                if found.token_digest == row["token_digest"]:
                    return int(found.player_id)
                raise _taken(shown)
            player_id = connection.execute(players.insert().values(row).returning(players.c.player_id)).scalar_one()
            own = [("player", player_account(player_id)), ("escrow", escrow_account(player_id))]
            connection.execute(
                accounts.insert(), [{"account": name, "kind": kind, "balance_cents": 0} for kind, name in own]
            )
            if welcome_cents:
                connection.execute(
                    transfers.insert().values(
                        from_account=BONUS,
                        to_account=player_account(player_id),
                        amount_cents=welcome_cents,
                        kind="welcome",
                        recorded_at=as_text(now),
                    )
                )
            return int(player_id)

        try:
            player_id = self._database.write(join)
        except sa.exc.IntegrityError as error:
            raise _taken(shown) from error
        return SignedIn(Player(player_id, shown, welcome_cents, 0, None, expires), token, code)

    def sign_in(self, recovery_code: str, token_life: dt.timedelta) -> SignedIn:
        """Give a player a new token, by which the old one ends. Raises UnknownCodeError."""
        now, token = self._clock(), secrets.token_urlsafe(TOKEN_BYTES)
        digest = digest_of(recovery_letters(recovery_code).encode())
        values = {"token_digest": digest_of(token.encode()), "token_expires_at": as_text(now + token_life)}

        def renew(connection: sa.Connection) -> int | None:
            change = players.update().where(players.c.recovery_digest == digest).values(values)
            return connection.execute(change.returning(players.c.player_id)).scalar()

        if self._database.write(renew) is None:
            raise UnknownCodeError("No account has this recovery code; check it letter by letter, or sign up")
        return SignedIn(self.player(token), token)

    def player(self, token: str) -> Player:
        """Return the player whom a token names. Raises TokenError."""
        digest = {"digest": digest_of(token.encode())}
        row = self._database.read(lambda connection: connection.execute(PLAYER, digest).first())
        if row is None:
            raise TokenError(expired=False)
        expires = as_moment(row.token_expires_at)
        if expires <= self._clock():
            raise TokenError(expired=True)
        paused = None if row.paused_until is None else as_moment(row.paused_until)
        return Player(row.player_id, row.nickname, row.balance_cents, row.staked_cents, paused, expires)

    def pause(self, player_id: int, length: dt.timedelta) -> dt.datetime:
        """Refuse a player's bets for a while and return until when; a pause is never made shorter.

        Raises ValueError for a length outside one hour … six weeks.
        """
        now = self._clock()

        def extend(connection: sa.Connection) -> dt.datetime:
            query = sa.select(players.c.paused_until).where(players.c.player_id == player_id)
            found = connection.execute(query.with_for_update(key_share=True)).scalar_one()
            until = pause_until(None if found is None else as_moment(found), now, length)
            change = players.update().where(players.c.player_id == player_id)
            connection.execute(change.values(paused_until=as_text(until)))
            return until

        return self._database.write(extend)

    def change_limits(self, player_id: int, wanted: dict[Limit, int | None]) -> None:
        """Record limits that a player asks for; each says by itself from when on it holds."""
        now = self._clock()

        def record(connection: sa.Connection) -> None:
            locked = sa.select(players.c.player_id).where(players.c.player_id == player_id)
            connection.execute(locked.with_for_update(key_share=True))
            known = limit_changes(connection, player_id)
            in_force = limits_at(known, now)
            newest = {change.limit: change.most_cents for change in known}
            for limit, most_cents in wanted.items():
                # Asking again for what waits already must not begin its day anew.
                if most_cents != newest.get(limit):
                    change = change_of(limit, in_force[limit], most_cents, now)
                    connection.execute(limits.insert().values(_limit_row(player_id, change, now)))

        self._database.write(record)

    def limits(self, player_id: int) -> list[LimitChange]:
        """Return every change of a player's limits in the order in which they were asked for."""
        return self._database.read(lambda connection: limit_changes(connection, player_id))

    def spent(self, player_id: int) -> Spent:
        """Return what a player staked in the last day and lost in the last week."""
        now = self._clock()
        return self._database.read(lambda connection: spent_by(connection, player_id, now))

    def entries(self, player_id: int, before: int | None, count: int) -> list[AccountEntry]:
        """Return the newest movements of a player's account, those before a transfer's number only if it is given."""
        query = sa.select(
            entries.c.transfer_id, entries.c.amount_cents, entries.c.kind, entries.c.bet_id, entries.c.recorded_at
        ).where(entries.c.account == player_account(player_id))
        if before is not None:
            query = query.where(entries.c.transfer_id < before)
        query = query.order_by(entries.c.transfer_id.desc()).limit(count)
        return [AccountEntry(*row) for row in self._database.read(lambda connection: connection.execute(query).all())]


def new_recovery_code() -> str:
    """Return a new code in groups that people can copy by hand."""
    groups = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_GROUP)) for _ in range(RECOVERY_GROUPS)]
    return "-".join(groups)


def recovery_letters(code: str) -> str:
    """Return a code's letters however they were copied: case, groups and look-alikes make no difference."""
    letters = code.upper().translate(str.maketrans("OIL", "011"))
    return "".join(letter for letter in letters if letter in RECOVERY_LETTERS)


def limit_changes(connection: sa.Connection, player_id: int) -> list[LimitChange]:
    """Return a player's limit changes, within a transaction."""
    rows = connection.execute(LIMIT_CHANGES, {"player": player_id})
    return [LimitChange(Limit(kind), most, as_moment(asked), as_moment(holds)) for kind, most, asked, holds in rows]


def spent_by(connection: sa.Connection, player_id: int, now: dt.datetime) -> Spent:
    """Return a player's recent stakes and losses, within a transaction."""
    day, week = as_text(now - dt.timedelta(days=1)), as_text(now - dt.timedelta(days=7))
    query = sa.select(
        sa.func.sum(sa.case((bets.c.placed_at > day, bets.c.stake_cents), else_=0)),
        sa.func.sum(bets.c.stake_cents - bets.c.payout_cents),
    ).where(bets.c.player_id == player_id, bets.c.placed_at > week)
    staked, lost = connection.execute(query).one()
    return Spent(int(staked or 0), int(lost or 0))


def _limit_row(player_id: int, change: LimitChange, now: dt.datetime) -> dict[str, object]:
    return {
        "player_id": player_id,
        "limit_kind": change.limit.value,
        "most_cents": change.most_cents,
        "asked_at": as_text(now),
        "holds_from": as_text(change.holds_from),
    }


def _taken(shown: str) -> NicknameTakenError:
    return NicknameTakenError(f"Somebody plays as '{shown}' already; choose another nickname")
