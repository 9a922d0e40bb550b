"""The asset that settles bets, materialised over a home with games and players; its checks and what it says."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from parivision_assets.commands.materialise import run_selection
from parivision_assets.commands.run import RunResult
from parivision_assets.core.betting import Side
from parivision_assets.core.betting_rules import BetGame, House
from parivision_assets.core.betting_tables import BET_SETTLEMENTS
from parivision_assets.core.contracts import GAMES, SCHEDULE
from parivision_assets.stores.bets import BetOrder
from parivision_assets.stores.home import Home
from parivision_assets_tests.app.bets.house import TEAMS, TODAY, TOMORROW, coming, key, open_house, played
from parivision_assets_tests.small_platform import import_foreign_libraries


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    before = dict(os.environ)
    import_foreign_libraries()
    yield open_house(tmp_path / "home")
    os.environ.clear()
    os.environ.update(before)


def settled(home: Home, season: str = "2024") -> RunResult:
    (result,) = run_selection(home.settings, "key:bet_settlements", [season])
    return result


def bet(home: Home, number: int = 0, name: str = "Ann") -> str:
    """Place a bet of 10.00 on the home team and return the player's token."""
    player = home.bets.players.sign_up(name, 100_000, dt.timedelta(days=1))
    game = BetGame(key(number), 2024, TOMORROW, *TEAMS[number])
    order = BetOrder(player.player.player_id, game, Side.HOME, 1_000, 191, "champion", "key", "digest")
    home.bets.place(order, House(100, 10_000), TODAY)
    return player.token


def rows(home: Home) -> list[tuple[object, ...]]:
    frame = home.tables.read(BET_SETTLEMENTS.name, "2024")
    return frame.select("game_key", "version", "outcome", "payout_cents", "closing_probability").rows()


def test_where_nobody_bets_nothing_is_made(home: Home) -> None:
    result = settled(home)
    assert result.succeeded, result.problems
    assert not home.tables.has(BET_SETTLEMENTS.name, "2024")
    assert not home.has_bets


def test_bets_follow_results_and_corrections(home: Home) -> None:
    token = bet(home)
    assert settled(home).succeeded
    assert not home.tables.has(BET_SETTLEMENTS.name, "2024")
    home.tables.write(GAMES.name, "2024", pl.concat([played({2: True}, TODAY), played({0: True})]))
    result = settled(home)
    assert result.succeeded, result.problems
    assert rows(home) == [(key(0), 1, "won", 1_910, 0.58)]
    digest = home.tables.version(BET_SETTLEMENTS.name, "2024").digest
    assert settled(home).succeeded
    assert home.tables.version(BET_SETTLEMENTS.name, "2024").digest == digest
    home.tables.write(GAMES.name, "2024", played({0: False}))
    assert settled(home).succeeded
    assert rows(home) == [(key(0), 2, "lost", 0, 0.58)]
    assert home.bets.players.player(token).balance_cents == 99_000


def test_a_game_that_left_the_schedule_is_void_and_one_without_a_line_closes_at_the_champions(home: Home) -> None:
    bet(home, 0)
    bet(home, 1, "Bob")
    home.tables.write(SCHEDULE.name, "2024", coming().filter(pl.col("game_key") != key(1)))
    assert settled(home).succeeded
    assert rows(home) == [(key(1), 1, "void", 1_000, 0.5)]
    unlined = played({0: True}).with_columns(closing_home_probability=pl.lit(None, dtype=pl.Float64))
    home.tables.write(GAMES.name, "2024", unlined)
    assert settled(home).succeeded
    assert rows(home)[0] == (key(0), 1, "won", 1_910, 0.6)


def test_a_season_that_is_over_is_settled_when_the_next_one_lands(home: Home) -> None:
    token = bet(home)
    following = played({1: True}, dt.date(2024, 10, 22)).with_columns(season=pl.lit(2025, dtype=pl.Int64))
    home.tables.write(GAMES.name, "2025", GAMES.conform(following))
    assert home.bets.settling.open_seasons() == [2024]
    result = settled(Home(home.settings.model_copy(update={"seasons": (2024, 2025)})), "2025")
    assert result.succeeded, result.problems
    assert home.bets.settling.open_seasons() == []
    assert home.bets.players.player(token).balance_cents == 100_000


def test_books_that_do_not_balance_fail_the_check(home: Home) -> None:
    bet(home)
    with sa.create_engine(home.settings.bets_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("UPDATE bet_accounts SET balance_cents = 7 WHERE account = 'player/1'")
    home.tables.write(GAMES.name, "2024", played({0: True}))
    result = settled(home)
    assert any("not the sum of the entries: player/1" in problem for problem in result.problems), result.problems
    assert not home.tables.has(BET_SETTLEMENTS.name, "2024")
