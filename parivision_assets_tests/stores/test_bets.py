"""Placing bets: once, at the odds quoted, by whoever may; in both databases."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_limits import Limit
from parivision_assets.core.betting_rules import Refused
from parivision_assets.stores.bet_players import NicknameTakenError, TokenError, UnknownCodeError
from parivision_assets.stores.bets import BetRefusedError, KeyReusedError
from parivision_assets_tests.stores.bettors import FIRST_DAY, HOUSE, LIFE, World, game

TRANSFER = "INSERT INTO bet_transfers (from_account, to_account, amount_cents, kind, recorded_at) VALUES "
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def world(where: str) -> Iterator[World]:
    made = World(where)
    yield made
    made.bets.close()


def test_who_signs_up_has_a_balance_that_came_from_somewhere(world: World) -> None:
    ann = world.join("Ann", 100_000)
    assert world.balance(ann) == 100_000
    (entry,) = world.bets.players.entries(ann.player.player_id, None, 10)
    assert (entry.kind, entry.amount_cents) == ("welcome", 100_000)
    assert world.bets.audit().holds


@pytest.mark.parametrize("name", ["ann", "ANN", "\uff21nn"])
def test_a_nickname_is_taken_whatever_its_case_and_width(world: World, name: str) -> None:
    world.join("Ann")
    with pytest.raises(NicknameTakenError, match="choose another"):
        world.join(name)
    assert world.bets.audit().players == 1


def test_a_recovery_code_gives_a_new_token_and_ends_the_old_one(world: World) -> None:
    ann = world.join("Ann")
    copied = str(ann.recovery_code).lower().replace("-", " ")
    again = world.bets.players.sign_in(copied, LIFE)
    assert again.recovery_code is None
    assert world.bets.players.player(again.token).nickname == "Ann"
    with pytest.raises(TokenError, match="not known") as forged:
        world.bets.players.player(ann.token)
    assert not forged.value.expired
    with pytest.raises(UnknownCodeError, match="letter by letter"):
        world.bets.players.sign_in("00000-00000-00000-00000-00000", LIFE)


def test_a_token_expires(world: World) -> None:
    ann = world.join("Ann")
    world.now += LIFE
    with pytest.raises(TokenError, match="has expired") as found:
        world.bets.players.player(ann.token)
    assert found.value.expired


def test_neither_codes_nor_tokens_are_stored(world: World) -> None:
    ann = world.join("Ann")
    with sa.create_engine(world.where, poolclass=sa.NullPool).connect() as connection:
        row = str(connection.exec_driver_sql("SELECT * FROM bet_players").all())
    assert "Ann" in row
    assert ann.token not in row
    assert str(ann.recovery_code) not in row


def test_a_stake_moves_into_escrow(world: World) -> None:
    ann = world.join("Ann")
    bet = world.place(ann.player.player_id, 1_000)
    found = world.bets.players.player(ann.token)
    assert (bet.balance_after_cents, found.balance_cents, found.staked_cents) == (99_000, 99_000, 1_000)
    assert world.bets.bet(ann.player.player_id, bet.bet_id) == bet
    assert world.bets.bet(world.join().player.player_id, bet.bet_id) is None
    assert world.bets.open_bets() == (1, 1_000)
    assert world.bets.audit().holds


def test_the_same_key_is_the_same_bet(world: World) -> None:
    ann = world.join("Ann").player.player_id
    order = world.order(ann)
    first = world.bets.place(order, HOUSE, world.today)
    # Neither the odds, nor the game's end, nor a limit matter to what was taken.
    world.settle({order.game.game_key: True})
    again = world.bets.place(replace(order, odds_hundredths=300), HOUSE, FIRST_DAY)
    assert again.bet_id == first.bet_id
    assert (again.odds_hundredths, again.balance_after_cents) == (191, first.balance_after_cents)
    with pytest.raises(KeyReusedError, match="another bet"):
        world.bets.place(replace(order, request_digest="other"), HOUSE, world.today)
    other = world.join("Bob").player.player_id
    assert world.place(other, idempotency_key=order.idempotency_key, game=game(1)).bet_id != first.bet_id
    assert world.bets.audit().bets == 2


@pytest.mark.parametrize(
    ("stake_cents", "today", "reason"),
    [
        (99, FIRST_DAY - dt.timedelta(days=1), Refused.STAKE_TOO_SMALL),
        (100_001, FIRST_DAY - dt.timedelta(days=1), Refused.STAKE_TOO_LARGE),
        (50_001, FIRST_DAY - dt.timedelta(days=1), Refused.BALANCE),
        (1_000, FIRST_DAY, Refused.CLOSED),
    ],
)
def test_what_breaks_a_rule_changes_nothing(world: World, stake_cents, today, reason) -> None:
    ann = world.join("Ann", 50_000)
    world.today = today
    with pytest.raises(BetRefusedError) as found:
        world.place(ann.player.player_id, stake_cents)
    assert found.value.refusal.reason is reason
    assert (world.balance(ann), world.bets.audit().bets) == (50_000, 0)


def test_nobody_bets_on_a_game_that_ended_whatever_the_date(world: World) -> None:
    ann = world.join("Ann").player.player_id
    world.place(ann)
    world.settle({game().game_key: True})
    with pytest.raises(BetRefusedError, match="are closed"):
        world.place(ann)


def test_a_pause_refuses_bets_until_it_is_over(world: World) -> None:
    ann = world.join("Ann").player.player_id
    until = world.bets.players.pause(ann, 24 * HOUR)
    assert world.bets.players.pause(ann, HOUR) == until
    with pytest.raises(BetRefusedError) as found:
        world.place(ann)
    assert found.value.refusal.reason is Refused.PAUSED
    world.now = until
    assert world.place(ann).bet_id


def test_limits_on_stakes_hold_over_the_last_day(world: World) -> None:
    ann = world.join("Ann").player.player_id
    world.bets.players.change_limits(ann, {Limit.STAKE: 2_000, Limit.DAILY_STAKE: 3_000})
    world.place(ann, 2_000)
    for stake_cents, words in ((2_001, "the stake of one bet leaves 20.00"), (1_001, "24 hours leaves 10.00")):
        with pytest.raises(BetRefusedError, match=words):
            world.place(ann, stake_cents)
    world.now += 24 * HOUR
    world.place(ann, 2_000)


def test_a_limit_on_losses_counts_open_stakes_as_lost_and_winnings_back(world: World) -> None:
    ann = world.join("Ann").player.player_id
    world.bets.players.change_limits(ann, {Limit.WEEKLY_LOSS: 2_000})
    world.place(ann, 2_000)
    with pytest.raises(BetRefusedError, match=r"7 days, open stakes counted as lost leaves 0\.00"):
        world.place(ann, 100, game=game(1))
    world.settle({game().game_key: True})
    # 20.00 at 1.91 won 18.20.
    world.place(ann, 3_820, game=game(1))
    with pytest.raises(BetRefusedError, match=r"leaves 0\.00"):
        world.place(ann, 100, game=game(1))


def test_a_limit_asked_for_twice_does_not_wait_twice(world: World) -> None:
    players, ann = world.bets.players, world.join("Ann").player.player_id
    players.change_limits(ann, {Limit.STAKE: 100})
    world.now += HOUR
    players.change_limits(ann, {Limit.STAKE: 500})
    raised = players.limits(ann)[-1]
    assert raised.holds_from == world.now + 24 * HOUR
    world.now += HOUR
    players.change_limits(ann, {Limit.STAKE: 500, Limit.DAILY_STAKE: None})
    assert players.limits(ann)[-1] == raised


def test_my_bets_are_listed_newest_first_in_pages(world: World) -> None:
    ann = world.join("Ann").player.player_id
    placed = [world.place(ann, 100 + n, game=game(n % 2)).bet_id for n in range(5)]
    world.settle({game(0).game_key: True})
    listed = world.bets.bets_of(ann, None, None, 3)
    assert [bet.bet_id for bet in listed] == placed[:1:-1]
    assert [bet.bet_id for bet in world.bets.bets_of(ann, None, listed[-1].bet_id, 9)] == placed[1::-1]
    assert {bet.game_key for bet in world.bets.bets_of(ann, "open", None, 9)} == {game(1).game_key}
    assert {bet.outcome for bet in world.bets.bets_of(ann, "settled", None, 9)} == {"won"}


def test_the_leaderboard_ranks_by_profit_and_by_closing_lines(world: World) -> None:
    ann, bob = world.join("Ann").player.player_id, world.join("Bob").player.player_id
    for number in range(10):
        world.place(ann, 1_000, game=game(number), odds_hundredths=220)
        world.place(bob, 1_000, game=game(number), side=Side.AWAY, odds_hundredths=180)
    world.place(bob, 9_000, game=game(99))
    closing = {game(number).game_key: 0.5 for number in range(10)}
    world.settle(dict.fromkeys(closing, False), closing=closing)
    world.settle({}, today=FIRST_DAY + dt.timedelta(days=3))
    by_profit = world.bets.leaderboard("profit", 10)
    assert [(line.nickname, line.profit_cents, line.settled_bets) for line in by_profit] == [
        ("Bob", 8_000, 10), ("Ann", -10_000, 10),
    ]  # fmt: skip
    by_value = world.bets.leaderboard("closing_line_value", 10)
    assert [line.nickname for line in by_value] == ["Ann", "Bob"]
    assert by_value[0].closing_line_value == pytest.approx(0.1)
    assert by_value[1].closing_line_value == pytest.approx(-0.1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bet_transfers SET amount_cents = 1",
        "DELETE FROM bet_transfers",
        "UPDATE bets SET stake_cents = 1",
        "UPDATE bets SET odds_hundredths = 900",
        "DELETE FROM bets",
        "UPDATE bet_settlements SET payout_cents = 1",
        "DELETE FROM bet_settlements",
        "DELETE FROM bet_limits",
        "UPDATE bet_accounts SET balance_cents = -1 WHERE kind = 'player'",
        TRANSFER + "('player/1', 'house', 99999999, 'lost', '')",
        TRANSFER + "('house', 'player/1', -5, 'won', '')",
        TRANSFER + "('house', 'house', 5, 'won', '')",
        "INSERT INTO bet_settlements SELECT * FROM bet_settlements",
    ],
)
def test_the_database_itself_refuses_what_the_books_never_do(world: World, statement: str) -> None:
    ann = world.join("Ann").player.player_id
    world.bets.players.change_limits(ann, {Limit.STAKE: 5_000})
    world.place(ann)
    world.settle({game().game_key: True})
    refused = (sa.exc.IntegrityError, sa.exc.InternalError)
    with pytest.raises(refused), sa.create_engine(world.where, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(statement)
    assert world.bets.audit().holds


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE bet_accounts SET balance_cents = 5 WHERE account = 'house'", "sum to"),
        (
            "UPDATE bet_accounts SET balance_cents = 7 WHERE account = 'player/1'",
            "not the sum of the entries: player/1",
        ),
        ("UPDATE bet_accounts SET balance_cents = 7 WHERE account = 'escrow/1'", "not the stakes of open bets"),
        ("UPDATE bets SET outcome = 'lost'", "does not agree with its newest settlement: 1"),
        ("UPDATE bets SET paid_cents = 5", "transfers are not what it says was paid: 1"),
        ("UPDATE bets SET version = 2", "more or less often"),
    ],
)
def test_the_audit_finds_what_was_changed(world: World, statement: str, words: str) -> None:
    world.place(world.join("Ann").player.player_id)
    world.settle({game().game_key: True})
    assert world.bets.audit().holds
    with sa.create_engine(world.where, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(statement)
    assert words in world.bets.audit().message
