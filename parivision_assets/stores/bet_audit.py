"""Checking the books of play-money bets: what is stored equals what is recomputed from transfers and settlements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from parivision_assets.stores.bet_tables import accounts, bets, entries, settlements, transfers

NAMED = 5
"""Wrong accounts or bets that a problem names."""


@dataclass(frozen=True)
class BetsAudit:
    """What was checked, and what does not hold, in words."""

    players: int
    bets: int
    settled_bets: int
    settlements: int
    transfers: int
    balances_sum_cents: int
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Return whether everything holds."""
        return not self.problems

    @property
    def message(self) -> str:
        """Return the finding as one line."""
        counted = f"{self.players:,} players, {self.bets:,} bets, {self.settlements:,} settlements"
        found = "; ".join(self.problems) or "entries sum to zero and stored balances equal recomputed ones"
        return f"{counted}, {self.transfers:,} transfers: {found}"


def audit(connection: sa.Connection) -> BetsAudit:
    """Check everything, within one transaction that sees one moment."""
    count = sa.func.count()
    total = int(connection.execute(sa.select(sa.func.sum(accounts.c.balance_cents))).scalar() or 0)
    problems = [] if total == 0 else [f"stored balances sum to {total} cents, not to zero"]
    for what, query in _wrong().items():
        found = connection.execute(query.limit(NAMED + 1)).scalars().all()
        if found:
            named = ", ".join(str(name) for name in found[:NAMED])
            problems.append(f"{what}: {named}{' and more' if len(found) > NAMED else ''}")
    return BetsAudit(
        players=_number(connection, sa.select(count).where(accounts.c.kind == "player")),
        bets=_number(connection, sa.select(count).select_from(bets)),
        settled_bets=_number(connection, sa.select(count).where(bets.c.version > 0)),
        settlements=_number(connection, sa.select(count).select_from(settlements)),
        transfers=_number(connection, sa.select(count).select_from(transfers)),
        balances_sum_cents=total,
        problems=tuple(problems),
    )


def _number(connection: sa.Connection, query: sa.Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def _wrong() -> dict[str, sa.Select[Any]]:
    """Return, by what is wrong, the query for the accounts or bets of which it is true."""
    sums = (
        sa.select(entries.c.account, sa.func.sum(entries.c.amount_cents).label("cents"))
        .group_by(entries.c.account)
        .subquery()
    )
    recomputed = sa.func.coalesce(sums.c.cents, 0)
    of_accounts = sa.select(accounts.c.account).outerjoin(sums, sums.c.account == accounts.c.account)

    own = sa.literal("player/") + sa.cast(bets.c.player_id, sa.String)
    gained = sa.case((transfers.c.to_account == own, transfers.c.amount_cents),
                     (transfers.c.from_account == own, -transfers.c.amount_cents), else_=0)  # fmt: skip
    moved = sa.select(bets.c.bet_id).outerjoin(transfers, transfers.c.bet_id == bets.c.bet_id).group_by(bets.c.bet_id)
    net = sa.func.coalesce(sa.func.sum(gained), 0)

    escrow = sa.literal("escrow/") + sa.cast(bets.c.player_id, sa.String)
    held = (
        sa.select(escrow.label("account"), sa.func.sum(bets.c.stake_cents).label("cents"))
        .where(bets.c.version == 0)
        .group_by(escrow)
        .subquery()
    )
    of_escrow = sa.select(accounts.c.account).outerjoin(held, held.c.account == accounts.c.account)

    newest = (settlements.c.bet_id == bets.c.bet_id) & (settlements.c.version == bets.c.version)
    of_bets = sa.select(bets.c.bet_id).outerjoin(settlements, newest)
    same = sa.and_(
        settlements.c.outcome == bets.c.outcome,
        settlements.c.payout_cents == bets.c.payout_cents,
        settlements.c.paid_cents == bets.c.paid_cents,
        bets.c.paid_cents >= bets.c.payout_cents,
    )
    numbers = sa.select(settlements.c.bet_id).join(bets, bets.c.bet_id == settlements.c.bet_id)
    numbers = numbers.group_by(settlements.c.bet_id, bets.c.version)
    return {
        "stored balance is not the sum of the entries": of_accounts.where(accounts.c.balance_cents != recomputed),
        "negative balance": sa.select(accounts.c.account).where(
            accounts.c.balance_cents < 0, accounts.c.kind.in_(["player", "escrow"])
        ),
        "escrow is not the stakes of open bets": of_escrow.where(
            accounts.c.kind == "escrow", accounts.c.balance_cents != sa.func.coalesce(held.c.cents, 0)
        ),
        "bet does not agree with its newest settlement": of_bets.where(bets.c.version > 0, sa.not_(sa.func.coalesce(
            same, sa.false()))),
        "bet was settled more or less often than its version says": numbers.having(
            sa.func.count() != bets.c.version
        ),
        "bet's transfers are not what it says was paid": moved.having(
            net != sa.func.max(bets.c.paid_cents) - sa.func.max(bets.c.stake_cents)
        ),
    }  # fmt: skip
