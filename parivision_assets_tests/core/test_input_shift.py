import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.input_shift import PSI_LIMIT, Counts, add, compare, count

TARGET = "shot_post_event"


def shots(seed, games=70, per_game=170, threes=0.38, hot=0.25):
    """Draw games whose share of threes varies by `hot` logits from game to game."""
    rng = np.random.default_rng(seed)
    logit = np.log(threes / (1 - threes)) + rng.normal(0, hot, games)
    is_three = rng.random((games, per_game)) < (1 / (1 + np.exp(-logit)))[:, None]
    labels = np.where(is_three, "Jump Shot", rng.choice(["Layup Shot", "Hook Shot"], (games, per_game)))
    return pl.DataFrame({
        "game": np.repeat([f"{seed}-{game}" for game in range(games)], per_game),
        "points_value": np.where(is_three, 3.0, 2.0).ravel(),
        "action_type": labels.ravel(),
        "quarter": rng.integers(1, 5, games * per_game).astype(float),
    })  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    return count(TARGET, shots(0, games=400))


def psi(answer, column):
    return next(found for found in answer.columns if found.column == column)


def test_chance_between_games_moves_nothing(reference):
    for seed in range(1, 30):
        answer = compare(reference, count(TARGET, shots(seed)))
        assert not answer.moved, answer.reason
        assert "no input moved" in answer.reason


def test_what_hot_games_add_by_chance_is_taken_off():
    learnt = count(TARGET, shots(0, games=400, hot=0.6))
    excess = [psi(compare(learnt, count(TARGET, shots(seed, hot=0.6))), "points_value").psi for seed in range(1, 25)]
    # taken for independent shots, they would leave 0.0012 on average
    assert np.mean(excess) < 0.0008


def test_six_points_more_threes_are_found_and_told(reference):
    answer = compare(reference, count(TARGET, shots(50, threes=0.44)))
    moved = psi(answer, "points_value")
    assert answer.moved
    assert moved.moved
    assert 0.008 < moved.psi < 0.025
    assert "points_value (share of" in answer.reason
    assert not psi(answer, "quarter").moved
    assert moved.limit == PSI_LIMIT


def test_unseen_category_is_a_bin_of_its_own(reference):
    rows = shots(51).with_columns(pl.col("action_type").str.replace("Hook Shot", "Sky Hook", literal=True))
    answer = compare(reference, count(TARGET, rows))
    assert psi(answer, "action_type").moved
    assert "Hook" in psi(answer, "action_type").detail


def test_rare_unseen_category_is_within_the_limit(reference):
    rows = shots(52)
    rare = rows.with_columns(
        pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("Sky Hook")).otherwise("action_type").alias("action_type")
    )
    assert not psi(compare(reference, count(TARGET, rare)), "action_type").moved


def test_constant_and_missing_columns_have_an_answer():
    rows = shots(53).with_columns(quarter=pl.lit(1.0), action_type=pl.lit(None, pl.String))
    constant = count(TARGET, rows)
    answer = compare(constant, constant)
    assert psi(answer, "quarter").psi == 0
    assert psi(answer, "quarter").detail == "constant: always 1"
    assert psi(answer, "action_type").detail == "constant: always missing"
    other = compare(count(TARGET, shots(54)), constant)
    assert psi(other, "quarter").moved


def test_no_reference_and_no_games_are_no_verdict_in_words(reference):
    empty = count(TARGET, shots(55).clear())
    assert "no recorded reference" in compare(None, reference).reason
    assert "0 game(s) in the window" in compare(reference, empty).reason
    assert not compare(None, reference).moved
    assert not compare(reference, empty).moved


def test_rows_without_games_are_refused():
    with pytest.raises(ValueError, match="without column game"):
        count(TARGET, shots(56).drop("game"))


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(0, 12), seed=st.integers(0, 1000))
def test_days_add_up_to_their_window_in_any_order(cut, seed):
    rows = shots(57, games=12, per_game=20)
    early = pl.Series(np.repeat(np.arange(12) < cut, 20))
    parts = [count(TARGET, rows.filter(early).sample(fraction=1.0, shuffle=True, seed=seed))]
    parts.append(count(TARGET, rows.filter(~early)))
    whole = count(TARGET, rows)
    assert add(TARGET, parts) == whole
    assert compare(whole, add(TARGET, reversed(parts))) == compare(whole, whole)


def test_counts_survive_json(reference):
    assert Counts.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference


def test_history_and_outcomes_are_not_inputs():
    rows = shots(58).with_columns(
        fg_margin_pts=pl.lit(1.0), shooter_skill=pl.lit(0.1), zone=pl.lit("Mid-Range"), probability=pl.lit(0.4)
    )
    assert set(count(TARGET, rows).bins) == {"points_value", "action_type", "quarter"}
    assert "action_type" not in count("shot_pre_release", rows).bins


def test_games_have_no_watched_input_and_the_answer_says_so():
    games = pl.DataFrame({"game": ["a", "b"], "is_playoffs": [0.0, 1.0], "season_day": [1.0, 200.0]})
    answer = compare(count("game", games), count("game", games))
    assert answer.columns == ()
    assert "no published input of game is watched" in answer.reason
