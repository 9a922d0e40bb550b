from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.forecasts import SCHEMA, clean_forecasts
from parivision_assets.core.game_features import build_game_features
from parivision_assets.core.game_target import GAME, GAME_CONFIGS, GAME_LOGISTIC
from parivision_assets.core.games import clean_games
from parivision_assets.core.training import fit
from parivision_assets.core.walk_forward_games import CONTESTANTS, GamesEvaluation, evaluate_games
from parivision_assets_tests.core.game_frames import league, read_published


@pytest.fixture(scope="module")
def games() -> pl.DataFrame:
    return league(seasons=4, rounds=60, teams=10)


@pytest.fixture(scope="module")
def evaluation(games: pl.DataFrame) -> GamesEvaluation:
    return evaluate_games(games, [2012, 2013])


def test_each_season_is_predicted_from_earlier_ones_on_the_same_games(
    games: pl.DataFrame, evaluation: GamesEvaluation
) -> None:
    assert evaluation.seasons[2012].train_seasons == (2010, 2011)
    assert evaluation.seasons[2013].train_seasons == (2010, 2011, 2012)
    assert evaluation.pooled.n == games.filter(pl.col("season") >= 2012).height
    assert evaluation.pooled.contestants["published"] is None
    assert set(evaluation.pooled.contestants) == set(CONTESTANTS)
    for scores in (evaluation.pooled, *evaluation.seasons.values()):
        assert all(one is None or one.n == scores.n for one in scores.contestants.values())
    assert evaluation.tuned_test_seasons == (2012, 2013)


def test_the_model_learns_a_league_of_known_strengths(evaluation: GamesEvaluation) -> None:
    model, home = evaluation.pooled.contestants["model"], evaluation.pooled.contestants["home"]
    assert model is not None
    assert home is not None
    assert model.log_loss < home.log_loss - 0.02


def test_the_future_changes_no_earlier_prediction(games: pl.DataFrame, evaluation: GamesEvaluation) -> None:
    swapped = games.with_columns(
        home_pts=pl.when(season=2013).then("away_pts").otherwise("home_pts"),
        away_pts=pl.when(season=2013).then("home_pts").otherwise("away_pts"),
    ).with_columns(is_home_win=pl.col("home_pts") > pl.col("away_pts"))
    other = evaluate_games(swapped, [2012, 2013]).predictions.filter(season=2012)
    assert other["model"].equals(evaluation.predictions.filter(season=2012)["model"])


def test_the_market_is_no_input(games: pl.DataFrame, evaluation: GamesEvaluation) -> None:
    blind = games.with_columns(
        pl.lit(None, pl.Float64).alias("closing_home_probability"), closing_total_pts=pl.lit(150.0, pl.Float32)
    )
    other = evaluate_games(blind, [2012, 2013])
    assert other.predictions["model"].equals(evaluation.predictions["model"])
    assert other.pooled.contestants["closing_line"] is None


def test_a_partial_benchmark_limits_everybody_to_its_games(games: pl.DataFrame) -> None:
    season = games.filter(season=2013)
    some = season.head(200).select(
        "season", "game_date", "home_team", "away_team", pl.lit(0.6).alias("published_home_probability")
    )
    limited = evaluate_games(games, [2013], some.cast(SCHEMA))
    assert (limited.pooled.n, limited.left_out) == (200, season.height - 200)
    figures = [one for one in limited.pooled.contestants.values() if one is not None]
    assert len(figures) == len(CONTESTANTS)
    assert {one.n for one in figures} == {200}


@pytest.mark.parametrize(("season", "message"), [(2010, "no season before 2010"), (2020, "season 2020 has no games")])
def test_a_season_that_cannot_be_tested_is_refused(games: pl.DataFrame, season: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_games(games, [season])


def test_every_family_trains_on_games(games: pl.DataFrame) -> None:
    table, _ = build_game_features(games)
    for config in GAME_CONFIGS:
        model = fit(GAME, table.filter(pl.col("season") < 2013), config.lighter(0.2))
        chance = model.predict(table.filter(season=2013))
        assert ((chance > 0) & (chance < 1)).all()


@pytest.mark.real_data
def test_the_model_beats_the_published_forecasts_on_the_real_games(real_data: Path) -> None:
    odds = read_published(real_data / "odds" / "nba_2008-2020.csv")
    forecasts = clean_forecasts(read_published(real_data / "forecasts" / "fivethirtyeight_nba_2016-2020.csv")).valid
    evaluation = evaluate_games(clean_games(None, odds).valid, range(2016, 2021), forecasts)
    figures = {name: one for name, one in evaluation.pooled.contestants.items() if one is not None}
    assert (evaluation.pooled.n, evaluation.left_out, evaluation.tuned_test_seasons) == (
        6_392,
        0,
        (2016, 2017, 2018, 2019, 2020),
    )
    assert figures["published"].log_loss == pytest.approx(0.6152, abs=1e-4)
    assert figures["closing_line"].log_loss == pytest.approx(0.5948, abs=1e-4)
    assert figures["model"].log_loss < 0.6125
    # A model significantly better than the closing line would be a leak, not a triumph.
    assert figures["model"].log_loss > figures["closing_line"].log_loss
    assert figures["model"].ece <= figures["model"].ece_null_95 + 0.002
    assert figures["elo"].log_loss < figures["home"].log_loss


@pytest.mark.real_data
def test_any_subset_of_context_is_calibrated_on_the_real_games(real_data: Path) -> None:
    odds = read_published(real_data / "odds" / "nba_2008-2020.csv")
    table, _ = build_game_features(clean_games(None, odds).valid)
    model = fit(GAME, table.filter(pl.col("season") < 2016), GAME_LOGISTIC)
    test = table.filter(pl.col("season").is_in([2016, 2017, 2018]))
    label = test["is_home_win"].to_numpy().astype(np.float64)
    for withheld in ((), ("schedule",), ("series",), ("strength",), ("schedule", "series"), ("strength", "schedule")):
        gone = [feature.name for feature in GAME.features if feature.context in withheld]
        logit = model.logit(test.with_columns(pl.lit(None, pl.Float32).alias(name) for name in gone))
        chance = 1 / (1 + np.exp(-logit))
        assert abs(chance.mean() - label.mean()) < 0.025, withheld
        if "strength" not in withheld:
            # Slope of outcome on log-odds: 1 when calibrated; its standard error is about 0.06.
            weight = chance * (1 - chance)
            slope = 1 + ((label - chance) * logit).sum() / (weight * logit**2).sum()
            assert slope == pytest.approx(1.0, abs=0.15), withheld
