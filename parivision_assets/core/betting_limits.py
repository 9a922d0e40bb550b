"""What a player allows himself: limits on stakes and losses, a pause, and when a change of them holds.

A limit that is lowered holds at once, one that is raised or taken away after 24 hours, as the UK Gambling Commission's
remote technical standards (RTS 12, 2025) ask of those who take real money. These rules protect a person, so they run
on the wall clock, which the caller gives; games run on the platform's date (`betting_rules`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

RAISE_DELAY = dt.timedelta(hours=24)
LONGEST_PAUSE = dt.timedelta(weeks=6)
"""As the Commission's licence conditions (social responsibility code 3.3.4) bound a time-out."""

DAY, WEEK = dt.timedelta(hours=24), dt.timedelta(days=7)


class Limit(StrEnum):
    """What can be limited, in cents."""

    STAKE = "stake"
    DAILY_STAKE = "daily_stake"
    WEEKLY_LOSS = "weekly_loss"


LIMITS_IN_WORDS = {
    Limit.STAKE: "the stake of one bet",
    Limit.DAILY_STAKE: "all stakes of the last 24 hours",
    Limit.WEEKLY_LOSS: "what was lost in the last 7 days, open stakes counted as lost",
}


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change that a player asked for; None lifts the limit."""

    limit: Limit
    most_cents: int | None
    asked_at: dt.datetime
    holds_from: dt.datetime


@dataclass(frozen=True, slots=True)
class Spent:
    """What a player staked and lost lately."""

    daily_stake_cents: int = 0
    weekly_loss_cents: int = 0
    """Stakes of the last seven days less what was paid for them; negative after a lucky week."""


def change_of(limit: Limit, in_force_cents: int | None, wanted_cents: int | None, now: dt.datetime) -> LimitChange:
    """Return the change with the moment from which it holds: at once when stricter or equal, else a day later."""
    is_stricter = wanted_cents is not None and (in_force_cents is None or wanted_cents <= in_force_cents)
    may_stay = wanted_cents == in_force_cents
    return LimitChange(limit, wanted_cents, now, now if is_stricter or may_stay else now + RAISE_DELAY)


def limits_at(changes: Iterable[LimitChange], now: dt.datetime) -> dict[Limit, int | None]:
    """Return the limits in force, from all changes in the order in which they were asked for.

    The newest request that holds by now counts. A request, stricter or looser, cancels one that was still waiting.
    """
    found: dict[Limit, int | None] = dict.fromkeys(Limit)
    asked: dict[Limit, list[LimitChange]] = {limit: [] for limit in Limit}
    for change in changes:
        asked[change.limit].append(change)
    for limit, own in asked.items():
        for change, newer in zip(own, [*own[1:], None], strict=False):
            is_cancelled = newer is not None and newer.asked_at < change.holds_from
            if change.holds_from <= now and not is_cancelled:
                found[limit] = change.most_cents
    return found


def waiting_at(changes: Iterable[LimitChange], now: dt.datetime) -> dict[Limit, LimitChange]:
    """Return the changes that do not hold yet and that nothing cancelled; at most the newest of each limit."""
    newest = {change.limit: change for change in changes}
    return {limit: change for limit, change in newest.items() if change.holds_from > now}


def reached(limits: Mapping[Limit, int | None], spent: Spent, stake_cents: int) -> tuple[Limit, int] | None:
    """Return the first limit that a stake would pass, and what it still allows in cents; None when all hold."""
    used = {
        Limit.STAKE: 0,
        Limit.DAILY_STAKE: spent.daily_stake_cents,
        Limit.WEEKLY_LOSS: spent.weekly_loss_cents,
    }
    for limit, most_cents in limits.items():
        if most_cents is not None and used[limit] + stake_cents > most_cents:
            return limit, max(0, most_cents - used[limit])
    return None


def most_stake_cents(limits: Mapping[Limit, int | None], spent: Spent, most_cents: int) -> int:
    """Return the largest stake that passes no limit, at most `most_cents`."""
    found = reached(limits, spent, most_cents)
    return (
        most_cents if found is None else min(most_stake_cents({**limits, found[0]: None}, spent, most_cents), found[1])
    )


def pause_until(paused_until: dt.datetime | None, now: dt.datetime, length: dt.timedelta) -> dt.datetime:
    """Return the end of a pause that begins now; one that is under way is never made shorter.

    Raises ValueError for a length that is not positive or exceeds six weeks.
    """
    if not dt.timedelta(0) < length <= LONGEST_PAUSE:
        raise ValueError("a pause lasts from one hour to six weeks")
    end = now + length
    return end if paused_until is None else max(end, paused_until)
