"""The league is as hard as the real one, its draws follow their probabilities, and its marginals are the real ones."""

import zipfile
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from parivision_assets.core.league import League, marginals
from parivision_assets.core.league.games import PUBLISHED_SD_PTS
from parivision_assets_tests.core.league.conftest import published_with_truth

Floats = npt.NDArray[np.float64]


def entropy(p: Floats) -> Floats:
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


@pytest.fixture(scope="module")
def shots(one_season: League) -> pl.DataFrame:
    return published_with_truth(one_season)


@pytest.fixture(scope="module")
def games(one_season: League) -> pl.DataFrame:
    games = pl.concat(one_season.games.values())
    return games.join(pl.concat(one_season.game_truth.values()), left_on="GAME_ID", right_on="game_id")


def test_shots_are_as_hard_as_real_ones(shots: pl.DataFrame) -> None:
    pre, post, everything = (shots[name].to_numpy() for name in ("p_pre_release", "p_post_event", "p_given_everything"))
    zone_mean = shots.select(pl.col("p_pre_release").mean().over("BASIC_ZONE")).to_series().to_numpy()
    optimum = entropy(pre).mean()
    assert 0.625 <= optimum <= 0.650
    assert 0.625 <= entropy(post).mean() < optimum - 0.01
    assert entropy(everything).mean() < entropy(post).mean() - 0.003
    assert entropy(np.array([pre.mean()]))[0] - optimum >= 0.04
    assert entropy(zone_mean).mean() - optimum >= 0.01


def test_games_leave_room_above_the_home_team(games: pl.DataFrame) -> None:
    p = games["p_published"].to_numpy()
    assert entropy(np.array([p.mean()]))[0] - entropy(p).mean() >= 0.05
    assert entropy(games["p_given_everything"].to_numpy()).mean() < entropy(p).mean() - 0.005


@pytest.mark.parametrize("truth", ["p_pre_release", "p_post_event", "p_given_everything"])
def test_shots_fall_as_often_as_each_truth_says(shots: pl.DataFrame, truth: str) -> None:
    """Three standard errors, overall and along the probability itself."""
    p, made = shots[truth].to_numpy(), shots["SHOT_MADE"].to_numpy()
    assert abs((made - p).sum()) < 3 * np.sqrt((p * (1 - p)).sum())
    logit = np.log(p / (1 - p))
    assert abs(((made - p) * logit).sum()) < 3 * np.sqrt((p * (1 - p) * logit**2).sum())


def test_hidden_causes_average_out_to_the_published_truth(shots: pl.DataFrame) -> None:
    """Within a group of like shots the mean of the finer truth equals the coarser one."""
    groups = shots.group_by("BASIC_ZONE", "SHOT_DISTANCE", "POSITION_GROUP").agg(
        pl.len(),
        pl.col("p_pre_release").mean(),
        pl.col("p_post_event").mean(),
        pl.col("p_given_everything").mean(),
        spread=pl.col("p_given_everything").std(),
    )
    groups = groups.filter(pl.col("len") > 2000)
    assert groups.height > 20
    for name in ("p_post_event", "p_given_everything"):
        gap = (groups[name] - groups["p_pre_release"]).abs() / (groups["spread"] / groups["len"].sqrt())
        assert float(gap.max() or 9) < 4


@pytest.mark.parametrize("truth", ["p_published", "p_given_everything"])
def test_home_teams_win_as_often_as_each_truth_says(games: pl.DataFrame, truth: str) -> None:
    p, won = games[truth].to_numpy(), games["HOME_TEAM_WINS"].to_numpy()
    assert abs((won - p).sum()) < 3 * np.sqrt((p * (1 - p)).sum())
    logit = np.log(p / (1 - p))
    assert abs(((won - p) * logit).sum()) < 3 * np.sqrt((p * (1 - p) * logit**2).sum())


def test_the_luck_of_shots_that_moves_the_margin_is_standard_normal(games: pl.DataFrame) -> None:
    """The margin's spread around its mean is what the published probability assumes."""
    regular = games.filter(pl.col("stage") == "regular")
    margin = (regular["PTS_home"] - regular["PTS_away"]).to_numpy()
    p = regular["p_published"].to_numpy()
    quantile = np.array([NormalDist().inv_cdf(value) for value in p])
    surprise = (margin - quantile * PUBLISHED_SD_PTS) / PUBLISHED_SD_PTS
    assert abs(surprise.mean()) < 3 / np.sqrt(len(surprise))
    assert 0.93 < surprise.std() < 1.05


def test_the_noisy_bookmaker_is_good_but_not_the_truth(one_season: League, games: pl.DataFrame) -> None:
    odds = pl.concat(one_season.odds.values())
    lines = odds.select("moneyline_home", "moneyline_away").to_numpy().astype(float)
    size = np.abs(lines)
    implied = np.where(lines < 0, size, 100) / (100 + size)
    total = implied.sum(axis=1)
    assert total.min() > 1.0
    assert total.max() < 1.15
    fair = implied[:, 0] / total
    ordered = games.sort("game_date", "GAME_ID")
    p = ordered["p_given_everything"].to_numpy()
    excess = (p * np.log(p / fair) + (1 - p) * np.log((1 - p) / (1 - fair))).mean()
    published = ordered["p_published"].to_numpy()
    blind = (p * np.log(p / published) + (1 - p) * np.log((1 - p) / (1 - published))).mean()
    assert 0.001 < excess < blind


def test_marginals_match_the_constants(shots: pl.DataFrame, games: pl.DataFrame, one_season: League) -> None:
    by_zone = shots.group_by("BASIC_ZONE").agg(share=pl.len() / shots.height, rate=pl.col("SHOT_MADE").mean())
    for zone, share, rate in by_zone.iter_rows():
        assert abs(share - marginals.ZONE_SHARE[zone]) < marginals.ZONE_SHARE_TOLERANCE, zone
        assert abs(rate - marginals.ZONE_MAKE_RATE[zone]) < marginals.ZONE_MAKE_TOLERANCE, zone
    three = shots["SHOT_TYPE"] == "3PT Field Goal"
    rates = shots.select(pl.col("SHOT_MADE").filter(three).mean(), two=pl.col("SHOT_MADE").filter(~three).mean()).row(0)
    assert abs(rates[0] - marginals.THREE_POINT_MAKE_RATE) < marginals.ZONE_MAKE_TOLERANCE
    assert abs(rates[1] - marginals.TWO_POINT_MAKE_RATE) < marginals.ZONE_MAKE_TOLERANCE
    assert abs(float(three.mean() or 0) - marginals.THREE_POINT_SHARE) < marginals.ZONE_SHARE_TOLERANCE
    regular = games.filter(pl.col("stage") == "regular")
    margin, total = regular["PTS_home"] - regular["PTS_away"], regular["PTS_home"] + regular["PTS_away"]
    assert abs(float((margin > 0).mean() or 0) - marginals.HOME_WIN_SHARE) < marginals.HOME_WIN_TOLERANCE
    assert abs(float(margin.std() or 0) - marginals.MARGIN_SD_PTS) < marginals.MARGIN_SD_TOLERANCE_PTS
    assert abs(float(total.mean() or 0) - marginals.TOTAL_MEAN_PTS) < marginals.TOTAL_MEAN_TOLERANCE_PTS
    assert abs(float(total.std() or 0) - marginals.TOTAL_SD_PTS) < marginals.TOTAL_SD_TOLERANCE_PTS
    per_game = shots.height / 2 / regular.height
    assert abs(per_game - marginals.SHOTS_PER_TEAM_GAME) < 2
    overtime = pl.concat(one_season.odds.values()).select(((pl.col("ot_home") + pl.col("ot_away")) > 0).mean()).item()
    assert 0.03 < overtime < 0.09


def _real_shots(folder: Path, season: int) -> pl.DataFrame:
    with zipfile.ZipFile(folder / "shots" / f"NBA_{season}_Shots.csv.zip") as archive:
        data = archive.read(f"NBA_{season}_Shots.csv")
    return pl.read_csv(data, columns=["BASIC_ZONE", "SHOT_TYPE", "SHOT_MADE"])


@pytest.mark.real_data
def test_the_constants_are_the_real_ones(real_data: Path) -> None:
    """Zones and outcomes are unaffected by the coordinates' defects, so no repair is needed here."""
    real = pl.concat([_real_shots(real_data, season) for season in (2018, 2020, 2021)])
    for zone, share, rate in (
        real.group_by("BASIC_ZONE").agg(pl.len() / real.height, pl.col("SHOT_MADE").mean()).iter_rows()
    ):
        assert abs(share - marginals.ZONE_SHARE[zone]) < 1e-4
        assert abs(rate - marginals.ZONE_MAKE_RATE[zone]) < 1e-4
    three = pl.col("SHOT_TYPE") == "3PT Field Goal"
    made = pl.col("SHOT_MADE")
    share, rate, two = real.select(three.mean(), made.filter(three).mean(), two=made.filter(~three).mean()).row(0)
    assert abs(share - marginals.THREE_POINT_SHARE) < 1e-4
    assert abs(rate - marginals.THREE_POINT_MAKE_RATE) < 1e-4
    assert abs(two - marginals.TWO_POINT_MAKE_RATE) < 1e-4
    odds = pl.read_csv(real_data / "odds" / "nba_2008-2020.csv").filter(pl.col("season") >= 2016, pl.col("regular"))
    margin, total = odds["score_home"] - odds["score_away"], odds["score_home"] + odds["score_away"]
    assert abs(float((margin > 0).mean() or 0) - marginals.HOME_WIN_SHARE) < 1e-3
    assert abs(float(margin.std() or 0) - marginals.MARGIN_SD_PTS) < 0.01
    assert abs(float(total.mean() or 0) - marginals.TOTAL_MEAN_PTS) < 0.05
    assert abs(float(total.std() or 0) - marginals.TOTAL_SD_PTS) < 0.05
