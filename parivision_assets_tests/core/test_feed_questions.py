"""Questions about a coming day: nothing of a shot's own outcome, and of no later one, is in what is asked."""

import datetime as dt
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.feed_questions import coming_games, coming_shots
from parivision_assets.core.feed_records import convert_feed
from parivision_assets.core.shots import clean_shots
from parivision_assets_tests.core.test_feed_records import records


@pytest.fixture(scope="module")
def shots() -> pl.DataFrame:
    """Two games of 60 shots each, as the feed sends them."""
    rng = np.random.default_rng(3)
    spots = rng.integers((-100, -50), (100, 100), (120, 2))
    feet = np.floor(np.hypot(spots[:, 0], spots[:, 1]) / 10).astype(int)
    sent = [
        {
            "Game ID": str(22100001 + n % 2), "Player ID": str(rng.integers(1, 9)), "Team ID": "1610612739",
            "Period": str(1 + n // 30), "Minutes Remaining": str(rng.integers(0, 12)),
            "Seconds Remaining": str(rng.integers(0, 60)), "X Location": str(x), "Y Location": str(y),
            "Shot Distance": str(feet[n]), "Shot Made Flag": str(rng.integers(0, 2)), "Game Date": "20220105",
            "Shot Zone Area": "Left Side(L)" if x < 0 else "Right Side(R)", "Action Type": "Secret Shot",
        }
        for n, (x, y) in enumerate(spots)
    ]  # fmt: skip
    valid = clean_shots(convert_feed(records(*sent)).rows).valid
    assert valid.height > 100
    return valid


def test_every_shot_is_asked_in_the_order_of_playing_time(shots: pl.DataFrame) -> None:
    asked = coming_shots(shots)
    assert [shot.elapsed_s for shot in asked] == sorted(shot.elapsed_s for shot in asked)
    keys = {shot.question.event.key for shot in asked if shot.question.event}
    expected = {"/".join(map(str, row)) for row in shots.select("game_id", "player_id", "quarter", "clock_s").rows()}
    assert keys == expected
    assert len(keys) == len(asked)


def test_a_question_says_where_who_and_what_came_before(shots: pl.DataFrame) -> None:
    question = coming_shots(shots)[-1].question
    event = question.event
    assert event is not None
    (row,) = shots.filter(
        game_id=event.game_id, player_id=event.player_id, quarter=event.quarter, clock_s=event.clock_s
    ).iter_rows(named=True)
    assert (question.x_ft, question.y_ft, question.points_value) == (row["x_ft"], row["y_ft"], row["points_value"])
    assert (question.team, question.opponent, question.is_home) == (row["team"], row["opponent"], row["is_home"])
    assert event.game_date == dt.date(2022, 1, 5)
    assert question.so_far is not None
    assert question.so_far.game_attempts == shots.filter(pl.col("game_id") == event.game_id).height - 1
    # What the feed does not send or only the scorer knows is withheld.
    assert (question.action_type, question.position_group, question.shot_clock_s) == (None, None, None)


def test_no_question_knows_its_own_outcome_or_a_later_one(shots: pl.DataFrame) -> None:
    asked = coming_shots(shots)
    for place in (0, 17, len(asked) - 1):
        cut = asked[place]
        elapsed = pl.when(pl.col("quarter") <= 4).then(pl.col("quarter").cast(pl.Int32) * 720 - pl.col("clock_s"))
        poisoned = shots.with_columns(
            is_made=pl.when(elapsed >= cut.elapsed_s).then(~pl.col("is_made")).otherwise("is_made"),
            action_type=pl.lit("Other Shot"),
        )
        now = [shot for shot in coming_shots(poisoned) if shot.elapsed_s <= cut.elapsed_s]
        assert now == [shot for shot in asked if shot.elapsed_s <= cut.elapsed_s]


def test_shots_of_one_player_in_one_second_are_one_event(shots: pl.DataFrame) -> None:
    twice = pl.concat([shots, shots.head(1).with_columns(shot_number=pl.lit(999, shots.schema["shot_number"]))])
    asked = coming_shots(twice)
    assert len(asked) == len(coming_shots(shots))
    assert len({shot.question.event for shot in asked}) == len(asked)


def test_games_are_asked_without_their_result() -> None:
    day = dt.date(2022, 1, 5)
    games = pl.DataFrame(
        {
            "game_key": ["2022-01-05_GSW_BOS", "2022-01-05_ATL_DEN"], "game_date": [day, day],
            "stage": ["regular", "playoffs"], "home_team": ["BOS", "DEN"], "away_team": ["GSW", "ATL"],
            "home_pts": [101, 99], "away_pts": [99, 101],
        }
    )  # fmt: skip
    asked = coming_games(games)
    assert [asdict(question) for question in asked][1] == {
        "home_team": "DEN", "away_team": "ATL", "game_date": day, "is_playoffs": True,
        "game_key": "2022-01-05_ATL_DEN",
    }  # fmt: skip
    assert coming_games(games.drop("home_pts", "away_pts")) == asked
