"""When a bet is taken, how it ends, and what a correction takes back. What it is worth is in `betting`.

A game's bets close when its date is not after the platform's date, or at its tip-off where a source publishes one.
They end with the game's result. They are void, the stake given back, when the game left the schedule or has no result
three days after its date: a bet is on that game on that date, a later one is another game. A result that comes or
changes afterwards reverses what was settled and settles again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from parivision_assets.core.betting import Side, payout_cents
from parivision_assets.core.betting_limits import LIMITS_IN_WORDS, Limit, Spent, reached

RESULT_AWAITED_DAYS = 3
"""Archives deliver late games within a day or two; a week would hold stakes for long."""


class GameEnd(StrEnum):
    """How a game ended, as far as bets are concerned."""

    HOME = "home"
    AWAY = "away"
    VOID = "void"


class Outcome(StrEnum):
    """How a bet ended."""

    WON = "won"
    LOST = "lost"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class BetGame:
    """A game on which bets may be placed."""

    game_key: str
    season: int
    game_date: dt.date
    home_team: str
    away_team: str
    tip_off: dt.datetime | None = None


@dataclass(frozen=True)
class KnownResults:
    """What is known of a season's games on a day.

    `closing` has the closing line's home probability, its margin removed. `scheduled` are the games to come up to
    `scheduled_until`; None where no schedule is known.
    """

    today: dt.date
    home_wins: Mapping[str, bool] = field(default_factory=dict)
    closing: Mapping[str, float] = field(default_factory=dict)
    scheduled: frozenset[str] = frozenset()
    scheduled_until: dt.date | None = None


class Refused(StrEnum):
    """Why a bet is not taken."""

    CLOSED = "betting-closed"
    PAUSED = "paused"
    STAKE_TOO_SMALL = "stake-too-small"
    STAKE_TOO_LARGE = "stake-too-large"
    LIMIT = "limit-reached"
    BALANCE = "balance-too-small"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bet is not taken, in words; the most (or least) that would be, or from when on."""

    reason: Refused
    words: str
    bound_cents: int | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class House:
    """The smallest and the largest stake of one bet, in cents."""

    least_stake_cents: int
    most_stake_cents: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a player and a game stand at the moment of a bet."""

    now: dt.datetime
    today: dt.date
    balance_cents: int
    limits: Mapping[Limit, int | None]
    spent: Spent
    paused_until: dt.datetime | None = None
    game_has_ended: bool = False


def betting_is_closed(game: BetGame, today: dt.date, now: dt.datetime) -> bool:
    """Return whether bets on a game are no longer taken."""
    return game.game_date <= today or (game.tip_off is not None and now >= game.tip_off)


def refusal(game: BetGame, stake_cents: int, house: House, standing: Standing) -> Refusal | None:
    """Return why a bet is not taken, None when it is; the first reason in the order of `Refused`."""
    if standing.game_has_ended:
        words = f"Bets on {game.game_key} are closed: the game has ended in the books. Choose a game from the odds"
        return Refusal(Refused.CLOSED, words)
    if betting_is_closed(game, standing.today, standing.now):
        dates = f"the platform's date is {standing.today}, the game's {game.game_date}"
        return Refusal(Refused.CLOSED, f"Bets on {game.game_key} are closed: {dates}. Choose a game from the odds")
    if standing.paused_until is not None and standing.now < standing.paused_until:
        until = f"{standing.paused_until:%Y-%m-%d %H:%M} UTC"
        words = f"You paused betting until {until}; open bets are settled as usual"
        return Refusal(Refused.PAUSED, words, until=standing.paused_until)
    return _unaffordable(stake_cents, house, standing)


def _unaffordable(stake_cents: int, house: House, standing: Standing) -> Refusal | None:
    least, most, balance = house.least_stake_cents, house.most_stake_cents, standing.balance_cents
    if stake_cents < least:
        return Refusal(Refused.STAKE_TOO_SMALL, f"The smallest stake is {coins(least)}", least)
    if stake_cents > most:
        return Refusal(Refused.STAKE_TOO_LARGE, f"The largest stake is {coins(most)}", most)
    passed = reached(standing.limits, standing.spent, stake_cents)
    if passed is not None:
        words = f"Your own limit on {LIMITS_IN_WORDS[passed[0]]} leaves {coins(passed[1])}"
        return Refusal(Refused.LIMIT, words, passed[1])
    if stake_cents > balance:
        return Refusal(Refused.BALANCE, f"Your balance is {coins(balance)}; stake less", balance)
    return None


def coins(amount_cents: int) -> str:
    """Return an amount as people read it, such as `1,250.50 coins`."""
    return f"{'-' if amount_cents < 0 else ''}{abs(amount_cents) // 100:,}.{abs(amount_cents) % 100:02d} coins"


def game_end(game: BetGame, known: KnownResults, ended: GameEnd | None = None) -> GameEnd | None:
    """Return how a game ended for its bets, None while that is open; `ended` is how it was settled before.

    A missing result settles nothing before its three days are over, and never takes back a settlement. A schedule
    says that a game is off only where it reaches as far as the game's date.
    """
    is_home_win = known.home_wins.get(game.game_key)
    if is_home_win is not None:
        return GameEnd.HOME if is_home_win else GameEnd.AWAY
    if ended is not None:
        return ended
    if known.today >= game.game_date + dt.timedelta(days=RESULT_AWAITED_DAYS):
        return GameEnd.VOID
    is_covered = known.scheduled_until is not None and known.today < game.game_date <= known.scheduled_until
    return GameEnd.VOID if is_covered and game.game_key not in known.scheduled else None


def bet_outcome(side: Side, stake_cents: int, odds_hundredths: int, end: GameEnd) -> tuple[Outcome, int]:
    """Return how a bet ended and its payout in cents, the stake included."""
    if end is GameEnd.VOID:
        return Outcome.VOID, stake_cents
    if end.value == side.value:
        return Outcome.WON, payout_cents(stake_cents, odds_hundredths)
    return Outcome.LOST, 0


def correction_cents(paid_cents: int, payout_due_cents: int, balance_cents: int) -> int:
    """Return what a corrected result moves to the player (negative: from him), never more than his balance holds.

    What was paid by mistake and already staked is not a debt: the house bears it.
    """
    return max(payout_due_cents - paid_cents, -balance_cents)
