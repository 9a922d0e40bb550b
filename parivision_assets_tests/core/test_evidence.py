import datetime as dt
import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.evidence import Contest, Evidence, SeenGames, SeenGamesError, collect_evidence

CONTEST = Contest("shot_pre_release", 2021, "v2", "v1", champion_is_baseline=False, number=1)


def make_rows(games=6, shots=10, seed=1):
    rng = np.random.default_rng(seed)
    rows = games * shots
    return pl.DataFrame(
        {
            "game": np.repeat(np.arange(100, 100 + games), shots),
            "game_date": [dt.date(2021, 1, 1) + dt.timedelta(days=i // (2 * shots)) for i in range(rows)],
            "label": rng.random(rows) < 0.45,
            "challenger": rng.uniform(0.0, 1.0, rows),
            "champion": rng.uniform(0.0, 1.0, rows),
            "threes": rng.random(rows) < 0.4,
        }
    )


def test_gains_are_clipped_losses_of_champion_minus_challenger():
    rows = pl.DataFrame(
        {
            "game": [1, 1],
            "game_date": [dt.date(2021, 1, 1)] * 2,
            "label": [1, 0],
            "challenger": [0.999, 0.2],
            "champion": [0.5, 0.4],
        }
    )
    pair = collect_evidence(rows, CONTEST, [], []).games[0]
    expected = [math.log(0.99 / 0.5), math.log(0.8 / 0.6)]
    worst = [-math.log(0.01 / 0.5), -math.log(0.2 / 0.4)]
    assert pair.gain_nats == pytest.approx(np.mean(expected))
    assert pair.worst_nats == pytest.approx(np.mean(worst))
    assert pair.rows == 2


def test_games_come_in_the_order_of_dates():
    rows = make_rows().reverse()
    found = collect_evidence(rows, CONTEST, [], [])
    assert [pair.game for pair in found.games] == [str(100 + i) for i in range(6)]
    assert found.rows == 60


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_changes_no_byte(seed):
    rows = make_rows()
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=seed)
    one = collect_evidence(rows, CONTEST, [], [], ["threes"])
    assert collect_evidence(shuffled, CONTEST, [], [], ["threes"]).to_dict() == one.to_dict()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_no_gain_is_below_its_worst_case_and_swapping_models_turns_its_sign(seed):
    rows = make_rows(seed=seed)
    one = collect_evidence(rows, CONTEST, [], [])
    other = collect_evidence(rows.rename({"challenger": "champion", "champion": "challenger"}), CONTEST, [], [])
    for ours, theirs in zip(one.games, other.games, strict=True):
        assert ours.gain_nats >= -ours.worst_nats
        assert ours.gain_nats == pytest.approx(-theirs.gain_nats, abs=1e-11)


def test_games_that_a_model_has_seen_are_refused_by_name():
    with pytest.raises(SeenGamesError, match=r"2 of 6 games .* seen by the challenger v2 \(first: 101\)"):
        collect_evidence(make_rows(), CONTEST, [101, 104, 7], [])
    with pytest.raises(SeenGamesError, match="champion v1"):
        collect_evidence(make_rows(), CONTEST, [], ["105"])


def test_what_each_model_has_seen_is_recorded_by_count_and_digest():
    found = collect_evidence(make_rows(), CONTEST, [1, 2, 2], ["2", "1"])
    assert found.challenger_seen == found.champion_seen == SeenGames.of([2, 1])
    assert found.challenger_seen.games == 2
    assert SeenGames.of([1, 3]).digest != SeenGames.of([1, 2]).digest


def test_a_slice_holds_its_rows_only():
    rows = make_rows()
    found = collect_evidence(rows, CONTEST, [], [], ["threes"]).slices[0]
    alone = collect_evidence(rows.filter("threes"), CONTEST, [], [])
    total = -sum(pair.gain_nats * pair.rows for pair in alone.games) / alone.rows
    assert (found.rows, found.games) == (alone.rows, len(alone.games))
    assert found.increase_nats == pytest.approx(total)
    assert found.increase_se is not None


def test_missing_slice_membership_is_not_membership():
    rows = make_rows().with_columns(threes=pl.lit(None, dtype=pl.Boolean))
    found = collect_evidence(rows, CONTEST, [], [], ["threes"]).slices[0]
    assert (found.rows, found.increase_se) == (0, None)


def test_no_rows_are_evidence_of_nothing():
    found = collect_evidence(make_rows().head(0), CONTEST, [1], [2], ["threes"])
    assert found.games == ()
    assert found.challenger_metrics is None
    assert Evidence.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_evidence_survives_json():
    found = collect_evidence(make_rows(), CONTEST, [1], [2], ["threes"])
    assert Evidence.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_unusable_rows_are_refused_in_words():
    rows = make_rows()
    with pytest.raises(ValueError, match=r"lack column.* champion"):
        collect_evidence(rows.drop("champion"), CONTEST, [], [])
    with pytest.raises(ValueError, match="label: row"):
        collect_evidence(rows.with_columns(label=pl.lit(None, dtype=pl.Boolean)), CONTEST, [], [])
    torn = rows.with_columns(game=pl.lit(1))
    with pytest.raises(ValueError, match="game 1 has 3 dates"):
        collect_evidence(torn, CONTEST, [], [])
