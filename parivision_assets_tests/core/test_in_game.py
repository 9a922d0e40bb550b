import datetime as dt

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import in_game
from parivision_assets_tests.core.canonical_shots import canonical, season_shots

EVENT = st.tuples(
    st.integers(1, 6), st.integers(0, 20), st.booleans(), st.integers(0, 3), st.booleans(), st.integers(0, 28)
)


def game(events: list[tuple[int, int, bool, int, bool, int]]) -> pl.DataFrame:
    rows = [
        {
            "season": 2015, "game_date": dt.date(2014, 11, 3), "game_id": 7, "quarter": quarter, "clock_s": clock,
            "is_home": home, "team": "ATL" if home else "BOS", "opponent": "BOS" if home else "ATL",
            "player_id": 10 * home + player, "player_name": "P", "position_group": "G", "is_made": made,
            "x_ft": 0.0, "y_ft": float(distance), "action_type": "Jump Shot",
        }
        for quarter, clock, home, player, made, distance in events
    ]  # fmt: skip
    return canonical(pl.DataFrame(rows))


def elapsed(row: dict[str, object]) -> int:
    quarter, clock = int(str(row["quarter"])), int(str(row["clock_s"]))
    return quarter * 720 - clock if quarter <= 4 else 2880 + (quarter - 4) * 300 - clock


def expected(rows: list[dict[str, object]], row: dict[str, object]) -> dict[str, object]:
    """Say the same as `with_earlier_events`, one row at a time."""
    before = [other for other in rows if elapsed(other) < elapsed(row)]
    team = [other for other in before if other["team"] == row["team"]]
    own = [other for other in before if other["player_id"] == row["player_id"]]
    period = [other for other in before if other["quarter"] == row["quarter"]]
    points = sum(int(str(o["points_value"])) * (1 if o["team"] == row["team"] else -1) for o in before if o["is_made"])
    newest = max(period, key=lambda other: (elapsed(other), other["shot_number"]), default=None)
    own_newest = max(own, key=lambda other: (elapsed(other), other["shot_number"]), default=None)
    return {
        "elapsed_s": elapsed(row),
        "fg_margin_pts": points,
        "game_attempts": len(before),
        "game_makes": sum(bool(o["is_made"]) for o in before),
        "team_attempts": len(team),
        "team_makes": sum(bool(o["is_made"]) for o in team),
        "own_attempts": len(own),
        "own_makes": sum(bool(o["is_made"]) for o in own),
        "own_last_made": own_newest and own_newest["is_made"],
        "last_since_s": newest and elapsed(row) - elapsed(newest),
        "last_same_team": newest and newest["team"] == row["team"],
        "last_same_player": newest and newest["player_id"] == row["player_id"],
        "last_made": newest and newest["is_made"],
        "last_distance_ft": newest and max(4.0, float(str(newest["distance_ft"]))),
    }


@given(st.lists(EVENT, min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_says_the_same_as_a_loop_over_the_game(events: list[tuple[int, int, bool, int, bool, int]]) -> None:
    shots = game(events)
    rows = shots.to_dicts()
    found = in_game.with_earlier_events(shots).select(in_game.COLUMNS).to_dicts()
    assert found == [{name: expected(rows, row)[name] for name in in_game.COLUMNS} for row in rows]


def test_rows_of_one_second_do_not_see_each_other() -> None:
    shots = game([(1, 700, True, 1, True, 25), (1, 600, True, 1, True, 25), (1, 600, True, 1, False, 25)])
    found = in_game.with_earlier_events(shots)
    assert found["own_attempts"].to_list() == [0, 1, 1]
    assert found["fg_margin_pts"].to_list() == [0, 3, 3]
    assert found["last_since_s"].to_list() == [None, 100, 100]


def test_last_shot_is_of_the_same_period() -> None:
    found = in_game.with_earlier_events(game([(1, 0, True, 1, True, 20), (2, 719, False, 1, True, 20)]))
    assert found["last_since_s"].to_list() == [None, None]
    assert found["game_attempts"].to_list() == [0, 1]


def test_order_of_rows_does_not_matter() -> None:
    shots = season_shots(2015, games=4)
    found = in_game.with_earlier_events(shots)
    shuffled = in_game.with_earlier_events(shots.sample(fraction=1.0, shuffle=True, seed=3))
    assert shuffled.sort("game_id", "shot_number").equals(found.sort("game_id", "shot_number"))


def test_a_shot_asked_about_has_no_outcome() -> None:
    shots = game([(1, 700, True, 1, True, 25), (1, 600, True, 1, True, 25)])
    asked = shots.with_columns(is_made=pl.when(pl.col("shot_number") < 2).then(pl.col("is_made")))
    assert in_game.with_earlier_events(asked)["fg_margin_pts"].to_list() == [0, 3]
