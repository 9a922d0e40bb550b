"""Scores, quarters and shots tell one story, and strength shows where a rating would look for it."""

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from parivision_assets.core.league import League
from parivision_assets.core.league.games import normal_cdf

CLOCK = pl.col("MINS_LEFT") * 60 + pl.col("SECS_LEFT")


@pytest.fixture(scope="module")
def shots(one_season: League) -> pl.DataFrame:
    return one_season.shots[2022]


@pytest.fixture(scope="module")
def games(one_season: League) -> pl.DataFrame:
    return one_season.games[2022].filter(pl.col("GAME_ID") < 30_000_000)


def made_points(shots: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    value = pl.when(pl.col("SHOT_TYPE") == "3PT Field Goal").then(3).otherwise(2) * pl.col("SHOT_MADE")
    return shots.group_by(keys).agg(points=value.sum(), tried=pl.len(), rate=pl.col("SHOT_MADE").mean().round(3))


def test_the_normal_distribution_function_is_accurate() -> None:
    z = np.linspace(-6, 6, 2001)
    assert np.abs(normal_cdf(z) - ndtr(z)).max() < 2e-7


def test_points_are_field_goals_and_a_plausible_number_of_free_throws(shots: pl.DataFrame, games: pl.DataFrame) -> None:
    made = made_points(shots, ["GAME_ID", "TEAM_ID"])
    for side in ("home", "away"):
        both = games.join(made, left_on=["GAME_ID", f"TEAM_ID_{side}"], right_on=["GAME_ID", "TEAM_ID"])
        assert both.height == games.height
        throws = both[f"PTS_{side}"] - both["points"]
        assert throws.min() >= 4  # type: ignore[operator]
        assert 12 < float(throws.mean() or 0) < 22  # type: ignore[arg-type]
        assert float(throws.quantile(0.99) or 99) < 40
        assert (both[f"FG_PCT_{side}"] - both["rate"]).abs().max() < 0.0011  # type: ignore[operator]


def test_quarters_add_up_and_overtime_follows_a_tie(one_season: League, shots: pl.DataFrame) -> None:
    odds = one_season.odds[2022]
    for side in ("home", "away"):
        parts = [f"q{n}_{side}" for n in range(1, 5)] + [f"ot_{side}"]
        assert (odds.select(pl.sum_horizontal(parts)).to_series() == odds[f"score_{side}"]).all()
        assert odds[[f"q{n}_{side}" for n in range(1, 5)]].min_horizontal().min() >= 5  # type: ignore[operator]
    regulation = pl.sum_horizontal([f"q{n}_home" for n in range(1, 5)]) - pl.sum_horizontal(
        [f"q{n}_away" for n in range(1, 5)]
    )
    extra = (pl.col("ot_home") + pl.col("ot_away")) > 0
    assert odds.filter(pl.col("regular"), extra).select((regulation == 0).all()).item()
    assert odds.filter(~extra).select((regulation != 0).all()).item()
    assert (odds["score_home"] != odds["score_away"]).all()
    overtimes = shots.filter(pl.col("QUARTER") == 5)["GAME_ID"].n_unique()
    assert overtimes == odds.filter(pl.col("regular"), extra).height


def test_nobody_shoots_twice_in_a_second_and_few_share_one(shots: pl.DataFrame) -> None:
    keys = ["GAME_ID", "QUARTER", "MINS_LEFT", "SECS_LEFT"]
    assert shots.select([*keys, "PLAYER_ID"]).is_duplicated().sum() == 0
    assert 0.004 < shots.select(keys).is_duplicated().mean() < 0.02  # type: ignore[operator]
    assert shots.select((CLOCK.is_between(0, 720)).all()).item()


def test_strength_shows_in_margins_and_in_the_shots_themselves(one_season: League, games: pl.DataFrame) -> None:
    """Season means of margin, field-goal points and chances by location all rank teams as their strength does."""
    shots = one_season.shots[2022]
    truth = one_season.game_truth[2022].filter(pl.col("stage") == "regular")
    wanted = (
        pl.concat(
            [
                truth.select(team="home_team", p=pl.col("p_published") - 0.58),
                truth.select(team="away_team", p=0.58 - pl.col("p_published")),
            ]
        )
        .group_by("team")
        .agg(pl.col("p").mean())
    )
    by_spot = shots.group_by("BASIC_ZONE").agg(worth=pl.col("SHOT_MADE").mean())
    value = pl.when(pl.col("SHOT_TYPE") == "3PT Field Goal").then(3).otherwise(2)
    shot_team = pl.when(pl.col("TEAM_ID") == pl.col("home_id")).then("HOME_TEAM").otherwise("AWAY_TEAM")
    other = pl.when(pl.col("TEAM_ID") == pl.col("home_id")).then("AWAY_TEAM").otherwise("HOME_TEAM")
    rows = shots.join(games.select("GAME_ID", home_id="HOME_TEAM_ID"), on="GAME_ID").join(by_spot, on="BASIC_ZONE")
    rows = rows.select(
        team=shot_team, other=other, expected=value * pl.col("worth"), scored=value * pl.col("SHOT_MADE")
    )
    own = rows.group_by("team").agg(pl.col("expected", "scored").mean())
    against = rows.group_by("other").agg(pl.col("expected", "scored").mean())
    table = wanted.join(own, on="team").join(against, left_on="team", right_on="other", suffix="_against")
    for name, least in (("expected", 0.6), ("scored", 0.6)):
        difference = table[name] - table[f"{name}_against"]
        assert np.corrcoef(difference.to_numpy(), table["p"].to_numpy())[0, 1] > least


def test_teams_keep_their_strength_over_the_summer(small_league: League) -> None:
    means = []
    for truth in small_league.game_truth.values():
        home = truth.group_by("home_team").agg(pl.col("p_published").mean()).sort("home_team")
        means.append(home["p_published"].to_numpy())
    assert np.corrcoef(means[0], means[1])[0, 1] > 0.8
