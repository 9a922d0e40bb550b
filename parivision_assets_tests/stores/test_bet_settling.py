"""Settling bets: once per end of a game, corrected when its result is, void when there is none; in both databases."""

import datetime as dt
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_rules import RESULT_AWAITED_DAYS
from parivision_assets.core.betting_tables import BET_SETTLEMENTS
from parivision_assets.stores import bet_settling
from parivision_assets.stores.bets import BetRefusedError
from parivision_assets.stores.database import migrate_database
from parivision_assets_tests.stores.bettors import FIRST_DAY, SEASON, World, game

DAY = dt.timedelta(days=1)
KEY = game().game_key


@pytest.fixture
def world(where: str) -> Iterator[World]:
    made = World(where)
    yield made
    made.bets.close()


def test_a_won_bet_pays_its_locked_odds_and_a_lost_one_the_house(world: World) -> None:
    ann, bob = world.join("Ann"), world.join("Bob")
    world.place(ann.player.player_id, 1_000, odds_hundredths=191)
    world.place(bob.player.player_id, 1_000, side=Side.AWAY, odds_hundredths=250)
    done = world.settle({KEY: True}, closing={KEY: 0.55})
    assert (done.outcomes, done.games, done.corrected_bets) == ({"won": 1, "lost": 1}, {KEY: "home"}, 0)
    assert (world.balance(ann), world.balance(bob)) == (100_910, 99_000)
    (won,) = world.bets.bets_of(ann.player.player_id, "settled", None, 5)
    assert (won.outcome, won.payout_cents, won.paid_cents, won.version) == ("won", 1_910, 1_910, 1)
    assert won.closing_probability == pytest.approx(0.55)
    (lost,) = world.bets.bets_of(bob.player.player_id, "settled", None, 5)
    assert lost.closing_probability == pytest.approx(0.45)
    assert world.bets.audit().holds


def test_settling_again_changes_nothing(world: World) -> None:
    world.place(world.join().player.player_id)
    world.settle({KEY: True})
    before = world.bets.audit()
    again = world.settle({KEY: True})
    assert (again.outcomes, again.games) == ({}, {})
    assert world.bets.audit() == before


def test_a_game_without_a_result_is_void_after_three_days_and_not_before(world: World) -> None:
    ann = world.join()
    world.place(ann.player.player_id)
    for days in range(RESULT_AWAITED_DAYS):
        assert world.settle({}, today=FIRST_DAY + days * DAY).games == {}
    assert world.balance(ann) == 99_000
    assert world.settle({}, today=FIRST_DAY + RESULT_AWAITED_DAYS * DAY).outcomes == {"void": 1}
    assert world.balance(ann) == 100_000


def test_a_game_off_the_schedule_is_void_at_once(world: World) -> None:
    ann = world.join()
    world.place(ann.player.player_id)
    listed = {"scheduled": frozenset({KEY}), "scheduled_until": FIRST_DAY + DAY}
    assert world.settle({}, today=world.today, **listed).games == {}
    off = {"scheduled": frozenset({"other"}), "scheduled_until": FIRST_DAY + DAY}
    assert world.settle({}, today=world.today, **off).games == {KEY: "void"}
    assert world.balance(ann) == 100_000


@pytest.mark.parametrize(
    ("results", "balances"),
    [
        ([True, False], [100_910, 99_000]),
        ([False, True], [99_000, 100_910]),
        ([None, True], [100_000, 100_910]),
        ([None, False], [100_000, 99_000]),
        ([True, None], [100_910, 100_910]),
        ([True, False, True, False], [100_910, 99_000, 100_910, 99_000]),
    ],
)
def test_a_corrected_result_reverses_and_settles_again(world: World, results, balances) -> None:
    ann = world.join()
    world.place(ann.player.player_id)
    late = FIRST_DAY + RESULT_AWAITED_DAYS * DAY
    for is_home_win, balance in zip(results, balances, strict=True):
        world.settle({} if is_home_win is None else {KEY: is_home_win}, today=late)
        assert world.balance(ann) == balance
        assert world.bets.audit().holds


def test_a_correction_takes_what_is_left_and_gives_back_no_more_than_is_due(world: World) -> None:
    ann = world.join("Ann", 1_000)
    player_id = ann.player.player_id
    world.place(player_id, 1_000)
    world.settle({KEY: True})
    # 19.10 came back; 15.00 of it is staked elsewhere when the result is corrected.
    world.place(player_id, 1_500, game=game(1))
    done = world.settle({KEY: False})
    assert (world.balance(ann), done.shortfall_cents, done.corrected_bets) == (0, 1_500, 1)
    (corrected,) = [bet for bet in world.bets.bets_of(player_id, "settled", None, 5) if bet.game_key == KEY]
    assert (corrected.outcome, corrected.payout_cents, corrected.paid_cents) == ("lost", 0, 1_500)
    assert world.bets.audit().holds
    # Corrected back: only what was taken is returned.
    world.settle({KEY: True})
    assert world.balance(ann) == 410
    assert world.bets.audit().holds


@pytest.mark.parametrize("batch", [1, 500])
@pytest.mark.parametrize("first", list(Side))
def test_a_correction_does_not_depend_on_which_side_was_bet_on_first(world: World, monkeypatch, first, batch) -> None:
    monkeypatch.setattr(bet_settling, "BATCH_BETS", batch)
    ann = world.join("Ann", 2_000)
    player_id = ann.player.player_id
    for side in (first, Side.AWAY if first is Side.HOME else Side.HOME):
        world.place(player_id, 1_000, side=side)
    world.settle({KEY: True})
    world.place(player_id, 1_910, game=game(1))
    done = world.settle({KEY: False})
    assert (world.balance(ann), done.shortfall_cents) == (0, 0)
    assert world.bets.audit().holds


def test_the_closing_line_of_the_first_settlement_stays(world: World) -> None:
    player_id = world.join().player.player_id
    world.place(player_id)
    world.settle({KEY: True}, closing={KEY: 0.6})
    world.settle({KEY: False})
    (bet,) = world.bets.bets_of(player_id, None, None, 5)
    assert (bet.version, bet.closing_probability) == (2, pytest.approx(0.6))


def test_a_closing_line_that_comes_after_the_result_is_taken(world: World) -> None:
    ann, bob = world.join("Ann"), world.join("Bob")
    world.place(ann.player.player_id)
    world.place(bob.player.player_id, side=Side.AWAY)
    world.settle({KEY: True}, closing={KEY: 0.5})
    balances = world.balance(ann), world.balance(bob)
    done = world.settle({KEY: True}, closing={KEY: 0.6})
    assert (done.games, done.outcomes, done.closing_lines) == ({}, {}, 1)
    lines = [world.bets.bets_of(who.player.player_id, None, None, 5)[0] for who in (ann, bob)]
    assert [(bet.version, bet.closing_probability) for bet in lines] == [(1, 0.6), (1, pytest.approx(0.4))]
    assert world.bets.settling.settled(SEASON)["closing_probability"].to_list() == pytest.approx([0.6, 0.4])
    assert (world.balance(ann), world.balance(bob)) == balances
    assert world.settle({KEY: True}, closing={KEY: 0.6}).closing_lines == 0
    assert world.bets.audit().holds
    world.settle({KEY: False})
    assert world.bets.bets_of(ann.player.player_id, None, None, 5)[0].closing_probability == 0.6


def test_many_bets_are_settled_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bet_settling, "BATCH_BETS", 3)
    ids = [world.join().player.player_id for _ in range(4)]
    for number in range(20):
        world.place(ids[number % 4], 100 + number)
    assert world.settle({KEY: True}).outcomes == {"won": 20}
    assert world.settle({KEY: False}).corrected_bets == 20
    assert world.bets.audit().holds


def test_what_was_ended_and_not_settled_is_settled_by_the_next_run(world: World) -> None:
    world.place(world.join().player.player_id)
    world.bets.settling._end(KEY, 0, bet_settling.GameEnd.HOME, None)
    assert world.settle({}).outcomes == {"won": 1}


def test_a_game_is_not_corrected_before_its_bets_have_followed(world: World) -> None:
    ann = world.join()
    world.place(ann.player.player_id)
    settling = world.bets.settling
    assert settling._end(KEY, 0, bet_settling.GameEnd.HOME, None)
    assert not settling._end(KEY, 1, bet_settling.GameEnd.AWAY, None)
    assert world.settle({KEY: False}).outcomes == {"won": 1, "lost": 1}
    assert world.balance(ann) == 99_000
    assert world.bets.audit().holds


def test_other_seasons_are_left_alone(world: World) -> None:
    world.place(world.join().player.player_id)
    other = bet_settling.KnownResults(FIRST_DAY, {KEY: True})
    assert world.bets.settling.settle(SEASON + 1, other).games == {}


def test_settled_bets_are_a_table_that_keeps_its_contract_and_names_nobody(world: World) -> None:
    assert world.bets.settling.settled(SEASON).is_empty()
    world.place(world.join("Ann").player.player_id)
    world.settle({KEY: True}, closing={KEY: 0.6})
    frame = world.bets.settling.settled(SEASON)
    assert BET_SETTLEMENTS.violations(frame) == {}
    assert frame.row(0, named=True) | {"closing_probability": 0.6} == {
        "season": SEASON, "game_date": FIRST_DAY, "game_key": KEY, "bet_id": 1, "side": "home", "stake_cents": 1_000,
        "odds_hundredths": 191, "version": 1, "outcome": "won", "payout_cents": 1_910, "closing_probability": 0.6,
        "settled_on": FIRST_DAY,
    }  # fmt: skip


class Books(RuleBasedStateMachine):
    """Whatever players, results and corrections do, nothing is lost, invented or negative."""

    where = ""

    @initialize()
    def open(self) -> None:
        self.world = World(self.where)
        self.season = next(SEASONS)
        self.players: dict[int, int] = {}
        self.bets: dict[int, tuple[int, int, Side, int, int]] = {}
        self.ended: dict[int, bool | None] = {}

    def _game(self, number: int):
        made = game(number)
        return type(made)(f"{self.season}/{number}", self.season, made.game_date, made.home_team, made.away_team)

    @rule(welcome=st.integers(0, 5_000))
    def join(self, welcome: int) -> None:
        name = f"m{self.season} {len(self.players)}"
        made = self.world.join(name, welcome)
        self.players[made.player.player_id] = welcome

    @precondition(lambda self: self.players)
    @rule(data=st.data(), number=st.integers(0, 3), stake=st.integers(1, 3_000), odds=st.integers(101, 900))
    def place(self, data, number: int, stake: int, odds: int) -> None:
        player_id = data.draw(st.sampled_from(sorted(self.players)))
        side = data.draw(st.sampled_from(list(Side)))
        is_taken = 100 <= stake <= self.players[player_id] and number not in self.ended
        try:
            chosen = {"game": self._game(number), "side": side, "odds_hundredths": odds}
            bet = self.world.place(player_id, stake, **chosen)
        except BetRefusedError:
            assert not is_taken
            return
        assert is_taken
        self.players[player_id] -= stake
        assert bet.balance_after_cents == self.players[player_id]
        self.bets[bet.bet_id] = (player_id, number, side, stake, odds)

    @rule(number=st.integers(0, 3), is_home_win=st.sampled_from([True, False, None]))
    def settle(self, number: int, is_home_win: bool | None) -> None:
        key = self._game(number).game_key
        if is_home_win is None and self.ended.get(number, "open") == "open":
            off = {"scheduled": frozenset({self._game(n).game_key for n in range(4) if n != number})}
            known = bet_settling.KnownResults(FIRST_DAY - DAY, {}, {}, off["scheduled"], FIRST_DAY)
        else:
            known = bet_settling.KnownResults(FIRST_DAY, {} if is_home_win is None else {key: is_home_win})
        has_bets = any(bet[1] == number for bet in self.bets.values())
        self.world.bets.settling.settle(self.season, known)
        if has_bets and (is_home_win is not None or number not in self.ended):
            self.ended[number] = is_home_win
        self._refresh()

    def _refresh(self) -> None:
        for player_id in self.players:
            entries = self.world.bets.players.entries(player_id, None, 500)
            self.players[player_id] = sum(entry.amount_cents for entry in entries)

    @invariant()
    def the_books_balance(self) -> None:
        books = self.world.bets.audit()
        assert books.holds, books.message
        assert all(balance >= 0 for balance in self.players.values())

    @invariant()
    def each_bet_says_what_its_game_does(self) -> None:
        for bet_id, (player_id, number, side, stake, odds) in self.bets.items():
            bet = self.world.bets.bet(player_id, bet_id)
            assert bet is not None
            assert (bet.stake_cents, bet.odds_hundredths) == (stake, odds)
            if number not in self.ended:
                assert bet.outcome is None
            elif self.ended[number] is None:
                assert (bet.outcome, bet.payout_cents) == ("void", stake)
            else:
                is_won = self.ended[number] == (side is Side.HOME)
                expected = ("won", stake * odds // 100) if is_won else ("lost", 0)
                assert (bet.outcome, bet.payout_cents) == expected
            assert bet.paid_cents >= bet.payout_cents

    def teardown(self) -> None:
        self.world.bets.close()


SEASONS = iter(range(3000, 9000))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.slow
def test_nothing_is_lost_invented_or_negative(kind: str, request: pytest.FixtureRequest, tmp_path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    url = f"sqlite:///{tmp_path / 'bets.db'}" if kind == "sqlite" else request.getfixturevalue("postgres").database()
    migrate_database(url)
    machine = type("Books", (Books,), {"where": url})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    limits = settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=limits)
