"""Predictions joined with outcomes: every state, whatever the order, and the same again when nothing is new."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.monitoring_tables import OUTCOMES, PREDICTION_OUTCOMES, SERVED_PREDICTIONS, STATES
from parivision_assets.core.outcomes import (
    join_outcomes,
    outcome_rows,
    scored,
    served_rows,
    summarise,
)
from parivision_assets.core.targets import SHOT_PRE_RELEASE

DAY = dt.date(2024, 1, 5)
TODAY = DAY + dt.timedelta(days=10)


def served(*events: str | None, as_of: dt.date = DAY - dt.timedelta(days=1), model: str = "m") -> pl.DataFrame:
    """Return predictions of these events; the game is what stands before the stroke."""
    return pl.DataFrame(
        [
            {
                "prediction_id": f"{model}:{event or number}",
                "target": "shot",
                "role": "champion",
                "model": model,
                "event": event,
                "game": None if event is None else event.split("/")[0],
                "game_date": None if event is None else DAY,
                "as_of": as_of,
                "probability": 0.5,
            }
            for number, event in enumerate(events)
        ],
        schema=SERVED_PREDICTIONS.schema,
    )


def happened(*reports: tuple[str, bool | None], known_on: dt.date | None = DAY) -> pl.DataFrame:
    """Return reports of outcomes."""
    rows = [
        {"event": event, "game": event.split("/")[0], "game_date": DAY, "outcome": outcome, "known_on": known_on}
        for event, outcome in reports
    ]
    return pl.DataFrame(rows, schema=OUTCOMES.schema)


def state_of(joined: pl.DataFrame, event: str | None) -> str:
    return str(joined.filter(pl.col("event").eq_missing(pl.lit(event)))["state"].item())


def test_an_outcome_that_is_known_is_scored_with_its_delay() -> None:
    joined = join_outcomes(served("1/1"), happened(("1/1", True), known_on=DAY + dt.timedelta(days=3)), None, TODAY)
    row = joined.row(0, named=True)
    assert (row["state"], row["outcome"], row["label_delay_days"]) == ("scored", True, 3)


def test_an_outcome_that_becomes_known_later_is_not_known_yet() -> None:
    late = happened(("1/1", True), known_on=TODAY + dt.timedelta(days=1))
    assert state_of(join_outcomes(served("1/1"), late, None, TODAY), "1/1") == "pending"
    assert state_of(join_outcomes(served("1/1"), late, None, TODAY + dt.timedelta(days=1)), "1/1") == "scored"


def test_a_label_that_is_not_there_yet_is_pending_not_void() -> None:
    joined = join_outcomes(served("1/1", "1/2"), happened(("1/1", None), ("1/2", True)), None, TODAY)
    assert state_of(joined, "1/1") == "pending"


def test_a_hypothetical_question_is_never_scored() -> None:
    joined = join_outcomes(served(None, None), happened(("1/1", True)), None, TODAY)
    assert joined["state"].to_list() == ["hypothetical"] * 2
    assert scored(joined).is_empty()


@pytest.mark.parametrize("days", [0, 5])
def test_a_prediction_made_after_the_games_day_closed_is_never_scored(days: int) -> None:
    made = served("1/1", as_of=DAY + dt.timedelta(days=days))
    joined = join_outcomes(made, happened(("1/1", True)), None, TODAY)
    assert state_of(joined, "1/1") == "late"
    assert joined["outcome"].to_list() == [None]
    found = summarise(joined, happened(("1/1", True)))
    assert "1 prediction(s) were made after the game's day closed" in found.quality().problems[0]


def test_two_outcomes_that_contradict_are_not_scored_and_said() -> None:
    reports = happened(("1/1", True), ("1/1", False), ("1/2", True), ("1/2", True))
    joined = join_outcomes(served("1/1", "1/2"), reports, None, TODAY)
    assert state_of(joined, "1/1") == "contradictory"
    assert state_of(joined, "1/2") == "scored"
    quality = summarise(joined, reports).quality()
    assert quality.broken
    assert "two different outcomes" in quality.problems[0]


def test_a_corrected_outcome_keeps_the_one_recorded_before_and_its_first_date() -> None:
    first = join_outcomes(served("1/1"), happened(("1/1", True)), None, TODAY)
    later = happened(("1/1", False), known_on=TODAY)
    second = join_outcomes(served("1/1"), later, first, TODAY)
    third = join_outcomes(served("1/1"), later, second, TODAY)
    row = second.row(0, named=True)
    assert (row["state"], row["outcome"], row["earlier_outcome"], row["known_on"]) == ("corrected", False, True, DAY)
    assert third.equals(second)
    # Corrected back: still corrected, from what stood there last.
    back = join_outcomes(served("1/1"), happened(("1/1", True)), third, TODAY).row(0, named=True)
    assert (back["state"], back["outcome"], back["earlier_outcome"]) == ("corrected", True, False)


def test_a_shot_that_vanished_from_a_corrected_game_is_void_until_it_comes_back() -> None:
    both = happened(("1/1", True), ("1/2", False))
    first = join_outcomes(served("1/1", "1/2"), both, None, TODAY)
    second = join_outcomes(served("1/1", "1/2"), happened(("1/1", True)), first, TODAY)
    row = second.filter(pl.col("event") == "1/2").row(0, named=True)
    assert (row["state"], row["outcome"], row["earlier_outcome"]) == ("void", None, False)
    assert state_of(join_outcomes(served("1/1", "1/2"), both, second, TODAY), "1/2") == "scored"


def test_a_game_that_vanished_is_pending_again() -> None:
    first = join_outcomes(served("1/1"), happened(("1/1", True)), None, TODAY)
    second = join_outcomes(served("1/1"), happened(("2/1", True)), first, TODAY)
    assert state_of(second, "1/1") == "pending"
    assert second["earlier_outcome"].to_list() == [True]


def test_outcomes_nobody_predicted_are_counted_and_not_invented() -> None:
    reports = happened(("1/1", True), ("1/2", True), ("2/1", False), ("2/1", False), ("2/2", None))
    joined = join_outcomes(served("1/1"), reports, None, TODAY)
    assert joined.height == 1
    found = summarise(joined, reports)
    assert found.unpredicted == 2
    assert "2 outcome(s) belong to no served prediction" in found.quality().problems[0]


def test_many_pending_are_said_and_no_events_too() -> None:
    joined = join_outcomes(served("1/1", "2/1"), happened(("1/1", True)), None, TODAY)
    found = summarise(joined, happened(("1/1", True)))
    assert found.pending_share == 0.5
    assert found.quality().pending == 1
    assert not found.quality().broken
    assert "labels are late" in found.quality().problems[0]
    nothing = summarise(joined.head(0), happened())
    assert "no predicted event" in nothing.quality().reason


def test_a_prediction_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="one prediction twice"):
        join_outcomes(pl.concat([served("1/1"), served("1/1")]), happened(), None, TODAY)


EVENTS = [f"{game}/{shot}" for game in (1, 2, 3) for shot in (1, 2)]
REPORTS = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from([True, False, None])), max_size=12)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return predictions, a first set of reports, and a second one."""
    events = draw(st.lists(st.sampled_from([*EVENTS, None]), unique=True, max_size=7))
    parts = [served(event, as_of=DAY + dt.timedelta(days=draw(st.integers(-2, 1)))) for event in events]
    predictions = pl.concat(parts) if parts else SERVED_PREDICTIONS.schema.to_frame()
    known = st.one_of(st.none(), st.integers(0, 12).map(lambda days: DAY + dt.timedelta(days=days)))
    return predictions, happened(*draw(REPORTS), known_on=draw(known)), happened(*draw(REPORTS), known_on=draw(known))


@settings(deadline=None, max_examples=120)
@given(world=worlds(), seed=st.integers(0, 1000))
def test_order_does_not_matter_and_again_changes_nothing(
    world: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], seed: int
) -> None:
    predictions, first, second = world
    earlier = join_outcomes(predictions, first, None, TODAY)
    joined = join_outcomes(predictions, second, earlier, TODAY)
    assert PREDICTION_OUTCOMES.violations(joined) == {}
    assert joined["prediction_id"].sort().equals(predictions["prediction_id"].sort())

    def shuffled(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.sample(fraction=1, shuffle=True, seed=seed)

    again = join_outcomes(shuffled(predictions), shuffled(pl.concat([second, second])), shuffled(earlier), TODAY)
    assert again.equals(joined)
    assert join_outcomes(predictions, second, joined, TODAY).equals(joined)
    counts = scored(joined)
    assert (counts["as_of"] < counts["game_date"]).all()
    assert counts["outcome"].null_count() == 0
    assert joined.filter(~pl.col("state").is_in(["scored", "corrected"]))["outcome"].drop_nulls().is_empty()


def test_every_state_is_reached() -> None:
    predictions = pl.concat(
        [served("1/1", "1/2", "1/3", "1/4", "2/1", None), served("1/5", as_of=DAY)]
    )  # fmt: skip
    first = join_outcomes(predictions, happened(("1/2", True)), None, TODAY)
    reports = happened(("1/1", True), ("1/2", False), ("1/3", True), ("1/3", False))
    joined = join_outcomes(predictions, reports, first, TODAY)
    assert set(joined["state"]) == set(STATES)
    assert summarise(joined, reports).counts == dict.fromkeys(STATES, 1)


def feature_rows() -> pl.DataFrame:
    return pl.DataFrame({"game_id": [7, 7], "shot_number": [1, 2], "game_date": [DAY] * 2, "is_made": [True, False]})


def test_a_feature_row_becomes_a_prediction_and_an_outcome_of_the_same_event() -> None:
    rows = served_rows(SHOT_PRE_RELEASE, feature_rows(), np.array([0.4, 0.6]))
    outcomes = outcome_rows(SHOT_PRE_RELEASE, feature_rows(), DAY)
    assert rows["event"].to_list() == outcomes["event"].to_list() == ["7/1", "7/2"]
    assert rows["game"].to_list() == outcomes["game"].to_list() == ["7", "7"]
    assert rows["as_of"].to_list() == [DAY - dt.timedelta(days=1)] * 2
    assert outcomes.schema == OUTCOMES.schema


def test_a_model_that_learnt_from_later_games_is_late_on_its_own_past() -> None:
    rows = served_rows(SHOT_PRE_RELEASE, feature_rows(), np.array([0.4, 0.6]), trained_until=DAY)
    assert rows["as_of"].to_list() == [DAY] * 2
