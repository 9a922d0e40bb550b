"""Answers joined with outcomes: shots named by player and clock, each event counted once, nobody early by a date."""

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.answered import asked_columns, join_answers, live
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.game_target import GAME
from parivision_assets.core.live_performance import live_performance
from parivision_assets.core.monitoring_tables import LOGGED_PREDICTIONS, PREDICTION_OUTCOMES
from parivision_assets.core.outcomes import join_outcomes, outcome_rows, served_rows
from parivision_assets.core.questions import ShotEvent
from parivision_assets.core.scoreboard import scoreboard
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.core.targets import SHOT_PRE_RELEASE

DAY = dt.date(2024, 1, 5)
BEFORE = DAY - dt.timedelta(days=1)
TODAY = DAY + dt.timedelta(days=10)
GAME_ID = 22300001


def shots(*made: tuple[int, int, bool | None]) -> pl.DataFrame:
    """Return a game's shots as (player, clock, made), numbered in order."""
    rows = [
        {
            "game_id": GAME_ID, "shot_number": number, "player_id": player, "quarter": 3, "clock_s": clock,
            "game_date": DAY, "is_made": is_made,
        }
        for number, (player, clock, is_made) in enumerate(made, start=1)
    ]  # fmt: skip
    # As the feature table has them: inputs of the model are floats.
    inputs = {name: SHOT_FEATURES.column(name).dtype for name in ("quarter", "clock_s")}
    return pl.DataFrame(rows, schema_overrides={"is_made": pl.Boolean, **inputs})


def asked(*events: tuple[int, int], **changes: Any) -> pl.DataFrame:
    """Return answers about shots of (player, clock), in the order in which they were given."""
    rows = [
        {
            "prediction_id": f"{number:03d}", "asked_at": "2024-01-05T01:00:00+00:00",
            "target": SHOT_PRE_RELEASE.name, "model": "m",
            "event": ShotEvent(GAME_ID, DAY, player, 3, clock).key, "game": str(GAME_ID),
            "game_date": DAY, "as_of": BEFORE, "probability": 0.4,
        } | changes
        for number, (player, clock) in enumerate(events)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LOGGED_PREDICTIONS.schema)


def answered(logged: pl.DataFrame, features: pl.DataFrame, earlier: pl.DataFrame | None = None) -> pl.DataFrame:
    joined = join_answers(SHOT_PRE_RELEASE, logged, features, DAY, earlier, TODAY)
    assert PREDICTION_OUTCOMES.violations(joined) == {}
    assert joined.height == logged.height
    return joined.sort("prediction_id")


def recorded(features: pl.DataFrame, model: str = "m", role: str = "champion") -> pl.DataFrame:
    """Return what the platform recorded of a model on the same shots."""
    rows = served_rows(SHOT_PRE_RELEASE, features, pl.repeat(0.6, features.height, eager=True).to_numpy())
    named = rows.with_columns(
        prediction_id=pl.concat_str(pl.lit(f"{model}:"), "event"),
        target=pl.lit(SHOT_PRE_RELEASE.name),
        role=pl.lit(role),
        model=pl.lit(model),
    )
    return join_outcomes(named, outcome_rows(SHOT_PRE_RELEASE, features, DAY), None, TODAY)


def test_a_shot_is_found_by_player_and_clock_and_gets_its_own_name() -> None:
    joined = answered(asked((7, 100), (7, 90), (8, 100)), shots((7, 100, True), (8, 100, False), (7, 90, False)))
    assert joined.select("event", "state", "outcome").rows() == [
        (f"{GAME_ID}/1", "scored", True), (f"{GAME_ID}/3", "scored", False), (f"{GAME_ID}/2", "scored", False),
    ]  # fmt: skip
    assert joined["role"].unique().to_list() == ["answered"]


def test_two_shots_in_one_second_are_scored_where_they_agree_and_contradict_where_they_do_not() -> None:
    joined = answered(asked((7, 100), (7, 90)), shots((7, 100, False), (7, 100, False), (7, 90, False), (7, 90, True)))
    assert joined.select("state", "outcome").rows() == [("scored", False), ("contradictory", None)]
    # A contradictory event takes nobody's place.
    assert joined["event"].to_list() == [f"{GAME_ID}/1", f"{GAME_ID}/7/3/90"]


def test_before_its_game_lands_an_answer_is_pending_and_an_event_that_never_was_is_void() -> None:
    nothing = shots((7, 1, True)).clear()
    assert answered(asked((7, 100)), nothing)["state"].to_list() == ["pending"]
    assert answered(asked((7, 100)), shots((8, 100, True)))["state"].to_list() == ["void"]


def test_a_shot_without_a_label_waits() -> None:
    joined = answered(asked((7, 100)), shots((7, 100, None), (8, 100, True)))
    assert joined.select("event", "state").rows() == [(f"{GAME_ID}/1", "pending")]


def test_naming_a_later_date_makes_no_late_answer_early() -> None:
    late = asked((7, 100), as_of=DAY, game_date=DAY + dt.timedelta(days=30))
    joined = answered(late, shots((7, 100, True)))
    assert joined.select("state", "game_date").rows() == [("late", DAY)]


def test_a_corrected_outcome_corrects_the_answers() -> None:
    logged = asked((7, 100), (7, 100))
    earlier = answered(logged, shots((7, 100, True)))
    joined = answered(logged, shots((7, 100, False)), earlier)
    assert joined.select("state", "outcome", "earlier_outcome").unique().rows() == [("corrected", False, True)]


def test_games_are_named_by_their_key() -> None:
    assert asked_columns(GAME) == GAME.table.key
    features = pl.DataFrame({"game_key": ["g"], "game_date": [DAY], GAME.label: [True]})
    logged = asked((1, 1), target=GAME.name, event="g", game="g")
    joined = join_answers(GAME, logged, features, DAY, None, TODAY)
    assert joined.select("event", "state", "outcome").rows() == [("g", "scored", True)]


def test_live_figures_count_what_the_platform_recorded_and_elsewhere_the_first_answer() -> None:
    features = shots((7, 100, True), (8, 90, False), (9, 80, True))
    answers = answered(asked((7, 100), (7, 100), (8, 90), (8, 90)), features)
    own = recorded(features.filter(pl.col("player_id") != 8))
    counted = live(pl.concat([own, recorded(features, "other", "challenger"), answers]))
    assert sorted(counted.select("event", "role", "prediction_id").rows()) == [
        (f"{GAME_ID}/1", "champion", f"m:{GAME_ID}/1"),
        (f"{GAME_ID}/2", "answered", "002"),
        (f"{GAME_ID}/3", "champion", f"m:{GAME_ID}/3"),
    ]


def test_nobody_adds_an_event_or_a_day_by_naming_one() -> None:
    features = shots((7, 100, True))
    invented = asked((5, 5), event="9/5/1/5", game="9", game_date=dt.date(9999, 12, 31))
    joined = pl.concat([recorded(features), answered(invented, features)])
    assert "pending" in joined["state"].to_list()
    assert live(joined)["event"].to_list() == [f"{GAME_ID}/1"]
    assert live_performance(joined, {})["last_date"].max() == DAY


def test_a_late_answer_takes_nobodys_place_and_another_models_answer_neither() -> None:
    features = shots((7, 100, True), (8, 90, False))
    late = asked((7, 100), as_of=DAY)
    other = asked((8, 90), model="before", prediction_id="x")
    counted = live(pl.concat([recorded(features), answered(pl.concat([late, other]), features)]))
    assert sorted(counted.select("model", "event", "role").rows()) == [
        ("before", f"{GAME_ID}/2", "answered"),
        ("m", f"{GAME_ID}/1", "champion"),
        ("m", f"{GAME_ID}/2", "champion"),
    ]


def test_live_performance_counts_an_event_once_however_often_it_was_asked() -> None:
    features = shots((7, 100, True), (8, 90, False))
    joined = pl.concat([recorded(features), answered(asked(*[(7, 100)] * 5), features)])
    whole = live_performance(joined, {}).filter(pl.col("window") == "since_promotion").row(0, named=True)
    assert whole["n"] == 2
    # The answers said 0.4 and the shot went in; the platform had said 0.6 of both.
    assert round(whole["brier"], 9) == round((0.4**2 + 0.6**2) / 2, 9)


def test_nobody_is_judged_by_what_was_asked_beside_the_others() -> None:
    features = shots((7, 100, True), (8, 90, False))
    joined = pl.concat([recorded(features), answered(asked((7, 100)), features)])
    rivals = pl.DataFrame({"event": [f"{GAME_ID}/1", f"{GAME_ID}/2"], "constant": [0.5, 0.5]})
    board = scoreboard(joined, rivals, SHOT_PRE_RELEASE.name, 2024, "m")
    champion = board.filter((pl.col("contestant") == "champion") & (pl.col("board") == "whole")).row(0, named=True)
    assert (champion["n"], round(champion["brier"], 9)) == (2, round((0.4**2 + 0.6**2) / 2, 9))


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.none() | st.booleans()), min_size=1, max_size=8),
    events=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=12),
)
def test_every_answer_has_one_state_and_every_event_counts_once(
    made: list[tuple[int, int, bool | None]], events: list[tuple[int, int]]
) -> None:
    features = shots(*made)
    joined = pl.concat([recorded(features), answered(asked(*events), features)])
    counted = live(joined)
    assert not counted.select(pl.struct("target", "model", "event").is_duplicated().any()).item()
    # Whatever the platform recorded is counted, whoever asked.
    assert set(counted["role"]) == {"champion"}
    assert set(features.select(pl.concat_str(pl.lit(f"{GAME_ID}/"), "shot_number")).to_series()) <= set(
        counted["event"]
    )


def test_every_target_can_be_asked_about() -> None:
    for target in TARGETS.values():
        assert set(asked_columns(target)) <= set(target.table.schema)
