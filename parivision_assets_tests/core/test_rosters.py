import json
from dataclasses import asdict

import pytest

from parivision_assets.core import rosters
from parivision_assets.core.rosters import Player, Roster

STAR, REST = 1, {2: 8.0, 3: 8.0, 4: 6.0}


def season(games: int, day: int = 0) -> tuple[Roster, dict[int, Player]]:
    roster, players = Roster(), dict[int, Player]()
    for game in range(games):
        rosters.remember(roster, players, {STAR: 28.0, **REST}, 2016, day + 2 * game)
    return roster, players


def test_the_same_shooters_every_night_are_no_change() -> None:
    roster, _ = season(60)
    assert roster.change_pts == pytest.approx([0.0, 0.0], abs=1e-9)


def test_a_missing_star_shows_at_once_and_less_over_three_games() -> None:
    roster, players = season(60)
    rosters.remember(roster, players, REST, 2016, 200)
    last, three = roster.change_pts
    assert last == pytest.approx(-players[STAR].points * rosters.ROSTER_MEMORY)
    assert last < three < 0


def test_a_star_who_stays_away_becomes_usual_absence() -> None:
    roster, players = season(60)
    for game in range(200):
        rosters.remember(roster, players, REST, 2016, 200 + game)
    assert STAR not in roster.shares
    assert roster.change_pts[0] == pytest.approx(0.0, abs=0.05)


def test_a_roster_is_known_after_ten_games_of_this_season_s_shots() -> None:
    roster, _ = season(rosters.WARM_UP_GAMES - 1)
    assert not roster.is_known(2016)
    roster, _ = season(rosters.WARM_UP_GAMES)
    assert roster.is_known(2016)
    assert not roster.is_known(2017)


def test_a_season_without_shots_starts_the_usual_roster_anew() -> None:
    roster, players = season(20)
    rosters.remember(roster, players, {9: 10.0}, 2018, 800)
    assert roster.games == 1
    assert roster.change_pts == [0.0, 0.0]


def test_a_game_without_shots_changes_nothing() -> None:
    roster, players = season(12)
    before = (list(roster.change_pts), roster.games)
    rosters.remember(roster, players, {}, 2016, 99)
    assert (roster.change_pts, roster.games) == before


def test_players_long_gone_are_forgotten() -> None:
    players = {1: Player(5.0, 0), 2: Player(5.0, 500)}
    assert list(rosters.forget(players, rosters.PLAYER_GAP_DAYS + 1)) == [2]


def test_a_roster_survives_json() -> None:
    roster, players = season(5)
    rosters.remember(roster, players, REST, 2016, 50)
    assert Roster.from_dict(json.loads(json.dumps(asdict(roster)))) == roster
