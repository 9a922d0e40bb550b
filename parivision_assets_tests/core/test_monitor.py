import datetime as dt
import itertools
import json
import math
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import monitor as watching
from parivision_assets.core.monitor import LIMITS, Monitor, learnt_values, observe, relation, start
from parivision_assets.core.recalibration import EXPERTS, Outcome, row_gain

TARGET = "shot_post_event"
OPENING = dt.date(2031, 10, 20)
CHANGE = 25
ACTIONS = ("Dunk Shot", "Jump Shot", "Layup Shot", "Hook Shot")


def game_day(seed, number, shift=None, games=6, shots=150, mix=(0.1, 0.5, 0.3, 0.1)):
    """Draw a day whose probabilities hold, but for `shift`: logits added by (rows, rng)."""
    rng = np.random.default_rng([seed, number])
    rows = games * shots
    logit = rng.normal(-0.1, 0.6, rows)
    frame = pl.DataFrame({
        "game": np.repeat([f"{number}-{game}" for game in range(games)], shots),
        "probability": 1 / (1 + np.exp(-logit)),
        "points_value": rng.integers(2, 4, rows).astype(float),
        "action_type": rng.choice(ACTIONS, rows, p=mix),
        "quarter": rng.integers(1, 6, rows).astype(float),
        "is_home": rng.integers(0, 2, rows).astype(float),
    })  # fmt: skip
    truth = logit if shift is None else logit + shift(frame)
    return frame.with_columns(pl.Series("label", (rng.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)))


def day_of(number):
    return OPENING + dt.timedelta(days=number)


def season(seed, days, shift=None, learnt=None, mixes=None):
    monitor, answers = start(TARGET, "champion", learnt=learnt), []
    for number in range(days):
        changed = number >= CHANGE
        mix = {"mix": mixes} if mixes and changed else {}
        monitor = observe(monitor, day_of(number), game_day(seed, number, shift if changed else None, **mix))
        answers.append(relation(monitor))
    return monitor, answers


@cache
def quiet_days():
    return start(TARGET, "champion"), tuple(game_day(3, number, games=3, shots=20) for number in range(4))


def as_text(monitor):
    return json.dumps(monitor.to_dict(), allow_nan=False, sort_keys=True)


def everywhere(logit):
    return lambda frame: np.full(frame.height, logit)


def on_layups(logit):
    return lambda frame: np.where(frame["action_type"].to_numpy() == "Layup Shot", logit, 0.0)


def test_relation_that_holds_raises_no_alarm_over_seasons():
    highest = []
    for seed in range(15):
        _, answers = season(seed, 50)
        assert not any(answer.moved for answer in answers)
        highest.append(max(answer.log_e_value for answer in answers))
    assert max(highest) < LIMITS[TARGET].log_evidence


def test_shift_of_everything_is_found_soon_and_dated():
    _, answers = season(1, CHANGE + 10, everywhere(0.3))
    first = next(place for place, answer in enumerate(answers) if answer.moved)
    assert CHANGE < first <= CHANGE + 6
    last = answers[-1]
    assert last.moved
    assert abs((last.since - day_of(CHANGE)).days) <= 2
    # a constant logit of 0.3 costs 0.3^2 / 2 * p (1 - p), some of it before it was learnt
    assert 0.004 < last.harm_nats < 0.013
    assert last.harm_se is not None
    assert 0 < last.harm_se < last.harm_nats
    assert "more often than predicted" in last.reason
    assert str(last.since) in last.reason


def test_shift_in_one_column_names_it():
    _, answers = season(2, CHANGE + 12, on_layups(-0.6))
    assert answers[-1].moved
    assert answers[-1].columns[0].column == "action_type"
    assert "Layup Shot, where the outcome comes less often" in answers[-1].reason


def test_other_mix_of_shots_is_not_a_moved_relation():
    _, answers = season(4, CHANGE + 20, mixes=(0.4, 0.1, 0.1, 0.4))
    assert not any(answer.moved for answer in answers)


def test_standing_error_of_a_champion_is_no_change():
    monitor = start(TARGET, "champion")
    for number in range(45):
        monitor = observe(monitor, day_of(number), game_day(5, number, everywhere(0.07)))
        assert not relation(monitor).moved
    # the same error counts in full where nothing earlier shows it
    assert relation(monitor).harm_nats < 0.0003


def test_limits_let_the_past_excuse_at_most_twice_the_limit():
    limits = LIMITS[TARGET]
    assert limits.standing(0.1) == 2 * limits.harm_nats
    assert limits.standing(-0.1) == 0.0
    assert limits.standing(0.0001) == 0.0001


def test_values_never_learnt_are_a_moved_relation_from_their_first_day():
    learnt = learnt_values(TARGET, pl.concat([game_day(9, number) for number in range(3)]))
    assert learnt["action_type"] == tuple(sorted(ACTIONS))
    monitor = start(TARGET, "champion", learnt=learnt)
    for number in range(20):
        rows = game_day(9, number, games=3)
        if number >= 5:
            split = pl.when(pl.col("action_type") == "Hook Shot").then(pl.lit("Sky Hook")).otherwise("action_type")
            rows = rows.with_columns(action_type=split)
        monitor = observe(monitor, day_of(number), rows)
        assert relation(monitor).moved == (number >= 5)
    answer = relation(monitor)
    assert answer.since == day_of(5)
    assert answer.columns[0].column == "action_type"
    assert "never learnt" in answer.reason


def test_twos_from_beyond_the_line_are_a_value_never_learnt():
    rows = pl.DataFrame({"points_value": [3.0] * 60 + [2.0] * 60, "spot_distance_ft": [24.5] * 60 + [15.0] * 60})
    learnt = learnt_values("shot_pre_release", rows)
    assert learnt == {"points_by_distance": ("2 points from 20 ft", "3 points from 24 ft")}


@given(
    chance=st.lists(st.floats(0.02, 0.98), min_size=1, max_size=5),
    correction=st.lists(st.floats(-2, 2), min_size=2, max_size=2),
)
def test_bets_are_fair(chance, correction):
    chances, codes = np.array(chance), np.arange(len(chance)) % 2
    mean = 0.0
    for labels in itertools.product((0.0, 1.0), repeat=len(chance)):
        outcome = Outcome(OPENING, chances, np.array(labels), codes, 2)
        weight = np.where(np.array(labels) == 1, chances, 1 - chances).prod()
        mean += weight * math.exp(row_gain(np.array(correction), codes, outcome).sum())
    assert mean == pytest.approx(1.0, abs=1e-9)


def test_first_day_wins_nothing_and_second_pays_by_the_first():
    monitor, days = quiet_days()
    one = observe(monitor, day_of(0), days[0])
    assert all(state.recent[0].gain == 0 for state in one.columns.values())
    two = observe(one, day_of(1), days[1])
    p, y = (days[0][name].to_numpy() for name in ("probability", "label"))
    missed, spread = (y - p).sum(), (p * (1 - p)).sum()
    u = sum(missed / (spread + strength) for _, strength in EXPERTS) / (len(EXPERTS) + 1)
    p, y = (days[1][name].to_numpy() for name in ("probability", "label"))
    q = 1 / (1 + (1 - p) / p * math.exp(-u))
    gain = (y * np.log(q / p) + (1 - y) * np.log((1 - q) / (1 - p))).sum()
    assert two.columns["overall"].recent[1].gain == pytest.approx(gain, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_order_of_rows_does_not_matter(seed):
    monitor, days = quiet_days()
    shuffled = monitor
    for number, rows in enumerate(days):
        monitor = observe(monitor, day_of(number), rows)
        shuffled = observe(shuffled, day_of(number), rows.sample(fraction=1.0, shuffle=True, seed=seed))
    assert as_text(shuffled) == as_text(monitor)


def test_json_gives_the_same_bits_back_and_goes_on_alike():
    monitor, days = quiet_days()
    monitor = start(TARGET, "champion", {"action_type": ACTIONS})
    for number, rows in enumerate(days[:3]):
        monitor = observe(monitor, day_of(number), rows)
    again = Monitor.from_dict(json.loads(as_text(monitor)))
    assert as_text(again) == as_text(monitor)
    assert relation(again) == relation(monitor)
    moved, _ = season(1, CHANGE + 4, everywhere(0.3))
    assert relation(Monitor.from_dict(json.loads(as_text(moved)))) == relation(moved)
    assert as_text(observe(again, day_of(3), days[3])) == as_text(observe(monitor, day_of(3), days[3]))
    fresh = start(TARGET, "champion")
    assert as_text(Monitor.from_dict(json.loads(as_text(fresh)))) == as_text(fresh)


def test_days_come_once_and_oldest_first():
    monitor, days = quiet_days()
    monitor = observe(monitor, day_of(1), days[1])
    for number in (0, 1):
        with pytest.raises(ValueError, match="give days oldest first and once"):
            observe(monitor, day_of(number), days[number])


@pytest.mark.parametrize("column", ["probability", "label", "game"])
def test_missing_column_is_named(column):
    monitor, days = quiet_days()
    with pytest.raises(ValueError, match=f"without column\\(s\\) {column}"):
        observe(monitor, day_of(0), days[0].drop(column))


@pytest.mark.parametrize(("column", "value"), [("probability", 1.2), ("probability", None), ("label", 2.0)])
def test_what_is_no_probability_or_label_is_refused_with_its_game(column, value):
    monitor, days = quiet_days()
    rows = days[0].with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(pl.lit(value, pl.Float64)).otherwise(column).alias(column)
    )
    with pytest.raises(ValueError, match="game 0-0: probability"):
        observe(monitor, day_of(0), rows)


def test_pending_rows_teach_nothing():
    monitor, days = quiet_days()
    pending = days[0].with_columns(label=pl.lit(None, pl.Float64))
    assert observe(monitor, day_of(0), pending) is monitor
    assert observe(monitor, day_of(0), days[0].clear()) is monitor
    both = observe(monitor, day_of(0), pl.concat([days[0], pending]))
    assert as_text(both) == as_text(observe(monitor, day_of(0), days[0]))


def test_nothing_observed_is_no_verdict_in_words():
    answer = relation(start(TARGET, "champion"))
    assert (answer.moved, answer.rows, answer.game_days, answer.since) == (False, 0, 0, None)
    assert "no verdict" in answer.reason


def test_one_class_constant_columns_nulls_and_one_game_are_survived():
    monitor, days = quiet_days()
    for number, rows in enumerate(days):
        odd = rows.with_columns(
            label=pl.lit(1.0), game=pl.lit("only"), action_type=pl.lit(None, pl.String), quarter=pl.lit(1.0)
        )
        monitor = observe(monitor, day_of(number), odd)
    answer = relation(monitor)
    assert monitor.columns["action_type"].groups == ("missing",)
    assert math.isfinite(answer.log_e_value)
    assert answer.harm_nats > 0
    assert json.loads(as_text(monitor))


def test_certain_probabilities_do_not_ruin_the_monitor():
    monitor, days = quiet_days()
    for number, rows in enumerate(days):
        monitor = observe(monitor, day_of(number), rows.with_columns(probability=pl.lit(0.0)))
    assert math.isfinite(relation(monitor).log_e_value)


def test_unknown_target_and_negative_harm_are_refused():
    with pytest.raises(ValueError, match="known: shot_pre_release"):
        start("free_throw", "champion")


def test_needed_columns_are_in_the_feature_tables():
    from parivision_assets.core.game_target import GAME
    from parivision_assets.core.targets import SHOT_TARGETS

    for target in (*SHOT_TARGETS.values(), GAME):
        known = {*target.table.names(), "probability"}
        assert set(watching.needed_columns(target.name)) <= known
    assert "action_type" not in watching.needed_columns("shot_pre_release")
