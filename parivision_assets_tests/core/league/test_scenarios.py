"""Each scenario does what it says from its date on, and nothing before; its expected verdict is written down."""

from collections.abc import Callable
from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.league import EXPECTED_VERDICTS, League, ScenarioKind
from parivision_assets.core.league.actions import SPLIT_LABELS
from parivision_assets_tests.core.league.conftest import CHANGE, SEASON, changed, published_with_truth

KEY = ["GAME_ID", "QUARTER", "clock_s", "PLAYER_ID"]
TRUTHS = ("p_pre_release", "p_post_event", "p_given_everything")
after = pl.col("game_date") >= CHANGE
league_of: Callable[[ScenarioKind], League] = cache(changed)


def shots_of(league: League) -> pl.DataFrame:
    return published_with_truth(league)


def paired(unchanged: League, kind: ScenarioKind) -> pl.DataFrame:
    """Return shots after the change that both leagues hold, truths of the changed one with suffix `_new`."""
    old, new = shots_of(unchanged).filter(after), shots_of(league_of(kind)).filter(after)
    return old.join(new, on=KEY, suffix="_new")


def divergence(pairs: pl.DataFrame, truth: str) -> float:
    """Return what a frozen optimum costs: mean KL of the new truth from the old one, in nats."""
    p, q = pairs[f"{truth}_new"].to_numpy(), pairs[truth].to_numpy()
    return float((p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean())


def three_share(shots: pl.DataFrame) -> float:
    return float((shots["SHOT_TYPE"] == "3PT Field Goal").mean() or 0.0)


def test_every_kind_has_an_expected_verdict() -> None:
    assert set(EXPECTED_VERDICTS) == set(ScenarioKind)


@pytest.mark.parametrize("kind", ScenarioKind)
def test_nothing_changes_before_the_date(unchanged: League, kind: ScenarioKind) -> None:
    old, new = shots_of(unchanged).drop("row"), shots_of(league_of(kind)).drop("row")
    assert old.filter(~after).equals(new.filter(~after))
    until = pl.col("GAME_DATE_EST") < CHANGE.isoformat()
    assert unchanged.games[SEASON].filter(until).equals(league_of(kind).games[SEASON].filter(until))


def test_rule_change_costs_a_frozen_optimum_and_leaves_inputs_alone(unchanged: League) -> None:
    pairs = paired(unchanged, ScenarioKind.RULE_CHANGE)
    assert divergence(pairs, "p_pre_release") >= 0.005
    assert divergence(pairs, "p_post_event") >= 0.005
    inputs = ["LOC_X", "LOC_Y", "ACTION_TYPE", "SHOT_TYPE", "BASIC_ZONE", "PLAYER_NAME"]
    assert all(pairs[name].equals(pairs[f"{name}_new"].rename(name)) for name in inputs)
    middle = pairs.filter(pl.col("BASIC_ZONE") == "Mid-Range")
    gain = float((middle["p_pre_release_new"] - middle["p_pre_release"]).mean() or 0)
    everywhere = float((pairs["p_pre_release_new"] - pairs["p_pre_release"]).mean() or 0)
    assert gain > everywhere + 0.03 > 0.03


def like_for_like(old: pl.DataFrame, new: pl.DataFrame, truth: str, groups: list[str]) -> float:
    """Return the mean change of a truth between shots with the same inputs, weighted by the old league's mix."""
    means = [f.group_by(groups).agg(pl.len(), pl.col(truth).mean()) for f in (old, new)]
    both = means[0].join(means[1], on=groups, suffix="_new").filter(pl.col("len").ge(30), pl.col("len_new").ge(30))
    assert both["len"].sum() > 0.7 * old.height
    weight = both["len"] / both["len"].sum()
    return float(((both[f"{truth}_new"] - both[truth]) * weight).sum())


def test_style_shift_moves_threes_by_six_points_and_no_probability(unchanged: League) -> None:
    old, new = shots_of(unchanged).filter(after), shots_of(league_of(ScenarioKind.STYLE_SHIFT)).filter(after)
    assert 0.05 <= three_share(new) - three_share(old) <= 0.07
    groups = ["BASIC_ZONE", "SHOT_DISTANCE", "POSITION_GROUP"]
    assert abs(like_for_like(old, new, "p_pre_release", groups)) < 0.002
    assert abs(like_for_like(old, new, "p_post_event", [*groups, "ACTION_TYPE"])) < 0.003


def test_line_move_changes_style_and_what_a_three_means(unchanged: League) -> None:
    old, new = shots_of(unchanged).filter(after), shots_of(league_of(ScenarioKind.LINE_MOVE)).filter(after)
    assert three_share(old) - three_share(new) > 0.01
    far = (pl.col("LOC_X") ** 2 + (pl.col("LOC_Y") - 5.25) ** 2).sqrt()
    assert old.filter(pl.col("SHOT_TYPE") == "2PT Field Goal").select(far.max()).item() < 23.76
    between = new.filter(pl.col("SHOT_TYPE") == "2PT Field Goal", far > 23.76)
    assert between.height > 100
    assert between["BASIC_ZONE"].unique().to_list() == ["Mid-Range"]
    above = (pl.col("BASIC_ZONE") == "Above the Break 3", pl.col("SHOT_DISTANCE") == 26)
    drop = old.filter(*above)["p_pre_release"].mean() - new.filter(*above)["p_pre_release"].mean()  # type: ignore[operator]
    assert drop > 0.03
    twos = "SHOT_DISTANCE", "POSITION_GROUP", "BASIC_ZONE"
    inside = pl.col("SHOT_DISTANCE") < 16
    assert abs(like_for_like(old.filter(inside), new.filter(inside), "p_pre_release", list(twos))) < 0.003


def test_new_actions_split_labels_and_touch_the_post_event_truth_alone(unchanged: League) -> None:
    pairs = paired(unchanged, ScenarioKind.NEW_ACTIONS)
    assert pairs.height == shots_of(unchanged).filter(after).height
    assert pairs["SHOT_MADE"].equals(pairs["SHOT_MADE_new"].rename("SHOT_MADE"))
    assert divergence(pairs, "p_pre_release") == 0
    assert divergence(pairs, "p_given_everything") == 0
    assert divergence(pairs, "p_post_event") > 0.001
    renamed = pairs.filter(pl.col("ACTION_TYPE") != pl.col("ACTION_TYPE_new"))
    assert set(renamed.select("ACTION_TYPE", "ACTION_TYPE_new").unique().rows()) == set(SPLIT_LABELS.items())
    kept = pairs.filter(
        pl.col("ACTION_TYPE").is_in(list(SPLIT_LABELS)), pl.col("ACTION_TYPE") == pl.col("ACTION_TYPE_new")
    )
    assert (kept["p_post_event_new"] > kept["p_post_event"]).all()
    assert (renamed["p_post_event_new"] < renamed["p_post_event"]).all()


def test_broken_sensor_changes_coordinates_only(unchanged: League) -> None:
    pairs = paired(unchanged, ScenarioKind.BROKEN_SENSOR)
    same = [name for name in unchanged.shots[SEASON].columns if name not in ("LOC_X", "LOC_Y", *KEY)]
    assert all(pairs[name].equals(pairs[f"{name}_new"].rename(name)) for name in same)
    by_label = pairs.select(
        ((pl.col("LOC_X_new") ** 2 + (pl.col("LOC_Y_new") - 5.25) ** 2).sqrt() - pl.col("SHOT_DISTANCE")).abs() > 1.0
    ).to_series()
    assert float(by_label.mean() or 0) > 0.6


def test_label_delay_is_a_matter_of_publication_alone(unchanged: League) -> None:
    delayed = league_of(ScenarioKind.LABEL_DELAY)
    assert delayed.shots[SEASON].equals(unchanged.shots[SEASON])
    assert delayed.config.scenario is not None
    assert delayed.config.scenario.start == date(2022, 1, 1)
