"""Which bets are taken, how they end, and what a correction may take back."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_limits import Limit, Spent
from parivision_assets.core.betting_rules import (
    RESULT_AWAITED_DAYS,
    BetGame,
    GameEnd,
    House,
    KnownResults,
    Outcome,
    Refused,
    Standing,
    bet_outcome,
    betting_is_closed,
    coins,
    correction_cents,
    game_end,
    refusal,
)

DAY = dt.timedelta(days=1)
GAME = BetGame("2024-01-10_BOS_NYK", 2024, dt.date(2024, 1, 10), "NYK", "BOS")
EVE = GAME.game_date - DAY
NOW = dt.datetime(2024, 1, 9, 12, tzinfo=dt.UTC)
HOUSE = House(least_stake_cents=100, most_stake_cents=50_000)
FREE = Standing(NOW, EVE, balance_cents=10_000, limits={}, spent=Spent())


@pytest.mark.parametrize(
    ("standing", "stake_cents", "reason", "words"),
    [
        (replace(FREE, today=GAME.game_date), 100, Refused.CLOSED, "the platform's date is 2024-01-10"),
        (replace(FREE, game_has_ended=True), 100, Refused.CLOSED, "the game has ended in the books"),
        (replace(FREE, paused_until=NOW + DAY), 100, Refused.PAUSED, "until 2024-01-10 12:00 UTC"),
        (FREE, 99, Refused.STAKE_TOO_SMALL, "1.00 coins"),
        (FREE, -1, Refused.STAKE_TOO_SMALL, "1.00 coins"),
        (FREE, 50_001, Refused.STAKE_TOO_LARGE, "500.00 coins"),
        (replace(FREE, limits={Limit.STAKE: 150}), 151, Refused.LIMIT, "leaves 1.50 coins"),
        (FREE, 10_001, Refused.BALANCE, "100.00 coins"),
    ],
)
def test_each_reason_is_said_in_words(standing, stake_cents, reason, words) -> None:
    found = refusal(GAME, stake_cents, HOUSE, standing)
    assert found is not None
    assert found.reason is reason
    assert words in found.words


def test_a_bet_that_breaks_nothing_is_taken() -> None:
    assert refusal(GAME, 10_000, HOUSE, FREE) is None
    assert refusal(GAME, 100, HOUSE, replace(FREE, paused_until=NOW)) is None


def test_betting_closes_on_the_games_day_or_at_its_tip_off() -> None:
    tipped = replace(GAME, tip_off=NOW)
    assert not betting_is_closed(GAME, EVE, NOW + 400 * DAY)
    assert betting_is_closed(GAME, GAME.game_date, NOW)
    assert betting_is_closed(tipped, EVE, NOW)
    assert not betting_is_closed(tipped, EVE, NOW - dt.timedelta(seconds=1))


WAITED = GAME.game_date + RESULT_AWAITED_DAYS * DAY


@pytest.mark.parametrize(
    ("known", "end"),
    [
        (KnownResults(GAME.game_date, {GAME.game_key: True}), GameEnd.HOME),
        (KnownResults(GAME.game_date, {GAME.game_key: False}), GameEnd.AWAY),
        (KnownResults(WAITED + 300 * DAY, {GAME.game_key: False}), GameEnd.AWAY),
        (KnownResults(WAITED - DAY), None),
        (KnownResults(WAITED), GameEnd.VOID),
        (KnownResults(EVE), None),
        # The schedule counts where it reaches as far as the game's date.
        (KnownResults(EVE, scheduled=frozenset({"other"}), scheduled_until=GAME.game_date), GameEnd.VOID),
        (KnownResults(EVE, scheduled=frozenset({GAME.game_key}), scheduled_until=GAME.game_date), None),
        (KnownResults(EVE - DAY, scheduled=frozenset({"other"}), scheduled_until=EVE), None),
        (KnownResults(GAME.game_date, scheduled=frozenset({"other"}), scheduled_until=WAITED), None),
    ],
)
def test_how_a_game_ends(known: KnownResults, end: GameEnd | None) -> None:
    assert game_end(GAME, known) is end


@pytest.mark.parametrize("ended", list(GameEnd))
def test_a_settlement_is_changed_by_a_result_and_not_by_its_absence(ended: GameEnd) -> None:
    off = KnownResults(EVE, scheduled=frozenset({"other"}), scheduled_until=GAME.game_date)
    for known in (KnownResults(EVE), KnownResults(WAITED), off):
        assert game_end(GAME, known, ended) is ended
    assert game_end(GAME, KnownResults(WAITED, {GAME.game_key: False}), ended) is GameEnd.AWAY


@given(st.sampled_from(list(Side)), st.integers(1, 10**9), st.integers(101, 10_000), st.sampled_from(list(GameEnd)))
def test_a_bet_pays_its_odds_its_stake_or_nothing(side, stake, odds, end) -> None:
    outcome, payout = bet_outcome(side, stake, odds, end)
    assert payout == {Outcome.WON: stake * odds // 100, Outcome.VOID: stake, Outcome.LOST: 0}[outcome]
    other = bet_outcome(Side.AWAY if side is Side.HOME else Side.HOME, stake, odds, end)[0]
    assert {outcome, other} == ({Outcome.VOID} if end is GameEnd.VOID else {Outcome.WON, Outcome.LOST})


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_correction_takes_no_more_than_there_is(paid: int, due: int, balance: int) -> None:
    moved = correction_cents(paid, due, balance)
    assert balance + moved >= 0
    assert paid + moved >= due
    if due - paid >= -balance:
        assert paid + moved == due


def test_amounts_are_read_by_people() -> None:
    assert [coins(125_050), coins(-5), coins(0)] == ["1,250.50 coins", "-0.05 coins", "0.00 coins"]
