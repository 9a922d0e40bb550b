"""Limits and pauses: stricter at once, looser a day later, whatever was asked in between."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.betting_limits import (
    LONGEST_PAUSE,
    RAISE_DELAY,
    Limit,
    Spent,
    change_of,
    limits_at,
    most_stake_cents,
    pause_until,
    reached,
    waiting_at,
)

NOW = dt.datetime(2024, 1, 10, 12, tzinfo=dt.UTC)
AMOUNTS = st.integers(0, 10**9)
MAYBE = st.none() | AMOUNTS


def is_stricter(one: int | None, other: int | None) -> bool:
    return one is not None and (other is None or one < other)


def test_a_limit_is_lowered_at_once_and_raised_a_day_later() -> None:
    lowered = change_of(Limit.STAKE, 500, 400, NOW)
    raised = change_of(Limit.STAKE, 400, 500, NOW)
    lifted = change_of(Limit.STAKE, 400, None, NOW)
    assert lowered.holds_from == NOW
    assert raised.holds_from == lifted.holds_from == NOW + dt.timedelta(hours=24)
    assert limits_at([lowered, raised], NOW + RAISE_DELAY - dt.timedelta(microseconds=1))[Limit.STAKE] == 400
    assert limits_at([lowered, raised], NOW + RAISE_DELAY)[Limit.STAKE] == 500


@given(st.lists(st.tuples(MAYBE, st.integers(0, 48)), max_size=8))
def test_a_limit_never_loosens_within_a_day_of_asking(asked: list[tuple[int | None, int]]) -> None:
    changes, now = [], NOW
    for wanted, hours in asked:
        in_force = limits_at(changes, now)[Limit.STAKE]
        changes.append(change_of(Limit.STAKE, in_force, wanted, now))
        after = limits_at(changes, now)[Limit.STAKE]
        assert not is_stricter(in_force, after)
        assert after == (wanted if is_stricter(wanted, in_force) else in_force)
        now += dt.timedelta(hours=hours)
    last = limits_at(changes, now + RAISE_DELAY)[Limit.STAKE]
    assert last == (asked[-1][0] if asked else None)


def test_a_stricter_request_cancels_a_raise_that_waits() -> None:
    changes = [change_of(Limit.STAKE, 400, 900, NOW)]
    assert waiting_at(changes, NOW)[Limit.STAKE].most_cents == 900
    changes.append(change_of(Limit.STAKE, 400, 300, NOW))
    assert waiting_at(changes, NOW) == {}
    assert limits_at(changes, NOW + 2 * RAISE_DELAY)[Limit.STAKE] == 300


def test_a_looser_request_cancels_a_still_looser_one_that_waits() -> None:
    hour = dt.timedelta(hours=1)
    changes = [change_of(Limit.STAKE, None, 5, NOW)]
    for wanted, asked in ((20, NOW + hour), (10, NOW + 2 * hour)):
        changes.append(change_of(Limit.STAKE, 5, wanted, asked))
    holds = {hours: limits_at(changes, NOW + hours * hour)[Limit.STAKE] for hours in (2, 25, 26, 60)}
    assert holds == {2: 5, 25: 5, 26: 10, 60: 10}
    # Another limit's request cancels nothing, nor does one that comes when the day is over.
    others = [*changes[:2], change_of(Limit.DAILY_STAKE, None, 1, NOW + 2 * hour)]
    others.append(change_of(Limit.STAKE, 20, 30, NOW + 25 * hour))
    assert limits_at(others, NOW + 30 * hour)[Limit.STAKE] == 20


@pytest.mark.parametrize(
    ("limits", "stake_cents", "expected"),
    [
        ({Limit.STAKE: 100}, 101, (Limit.STAKE, 100)),
        ({Limit.STAKE: 100}, 100, None),
        ({Limit.DAILY_STAKE: 1_000}, 201, (Limit.DAILY_STAKE, 200)),
        ({Limit.DAILY_STAKE: 700}, 1, (Limit.DAILY_STAKE, 0)),
        ({Limit.WEEKLY_LOSS: 0}, 51, (Limit.WEEKLY_LOSS, 50)),
        ({}, 10**9, None),
    ],
)
def test_what_a_stake_would_pass(limits, stake_cents, expected) -> None:
    assert reached(limits, Spent(800, -50), stake_cents) == expected


@given(st.dictionaries(st.sampled_from(list(Limit)), MAYBE), AMOUNTS, st.integers(-(10**9), 10**9), AMOUNTS)
def test_the_largest_stake_passes_and_a_cent_more_does_not(limits, daily, weekly, most) -> None:
    spent = Spent(daily, weekly)
    found = most_stake_cents(limits, spent, most)
    assert 0 <= found <= most
    assert found == 0 or reached(limits, spent, found) is None
    assert found == most or reached(limits, spent, found + 1) is not None


def test_a_pause_is_extended_and_never_shortened() -> None:
    week = pause_until(None, NOW, dt.timedelta(days=7))
    assert week == NOW + dt.timedelta(days=7)
    assert pause_until(week, NOW, dt.timedelta(hours=1)) == week
    assert pause_until(week, NOW, LONGEST_PAUSE) == NOW + LONGEST_PAUSE


@pytest.mark.parametrize("length", [dt.timedelta(0), dt.timedelta(hours=-1), LONGEST_PAUSE + dt.timedelta(hours=1)])
def test_a_pause_has_bounds(length: dt.timedelta) -> None:
    with pytest.raises(ValueError, match="from one hour to six weeks"):
        pause_until(None, NOW, length)
