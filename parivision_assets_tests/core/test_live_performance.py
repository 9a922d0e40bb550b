"""Live performance: windows of game days, beside the holdout, and an answer in words where nothing can be scored."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.evaluation import Metrics, score
from parivision_assets.core.live_performance import live_performance
from parivision_assets.core.monitoring_tables import LIVE_PERFORMANCE
from parivision_assets_tests.core.served_frames import FIRST, GAMES_A_DAY, SHOTS_A_GAME, joined, pending


def metrics(frame: pl.DataFrame) -> Metrics:
    label = frame["outcome"].cast(pl.Float64).to_numpy()
    return score(label, frame["probability"].to_numpy(), frame["game"].to_numpy())


def window(found: pl.DataFrame, name: str, last: dt.date) -> dict[str, object]:
    return found.filter((pl.col("window") == name) & (pl.col("last_date") == last)).row(0, named=True)


def test_a_window_has_its_game_days_and_the_figures_of_the_one_metrics_function() -> None:
    served = joined(12)
    found = live_performance(served, {})
    assert LIVE_PERFORMANCE.violations(found) == {}
    last = FIRST + dt.timedelta(days=9)
    row = window(found, "7_days", last)
    part = served.filter(pl.col("game_date").is_between(FIRST + dt.timedelta(days=3), last))
    expected = metrics(part)
    assert (row["game_days"], row["n"]) == (7, 7 * GAMES_A_DAY * SHOTS_A_GAME)
    assert row["games"] == expected.games
    assert row["log_loss"] == pytest.approx(expected.log_loss)
    assert row["log_loss_se"] == pytest.approx(expected.log_loss_se)
    assert row["ece"] == pytest.approx(expected.ece)
    assert row["ece_null_95"] == pytest.approx(expected.ece_null_95)
    assert row["label_delay_median_days"] == 2.0
    assert found.filter(pl.col("window") == "since_promotion")["n"].to_list() == [served.height]


def test_game_days_count_not_calendar_days() -> None:
    served = joined(12).filter(pl.col("game_date") != FIRST + dt.timedelta(days=5))
    row = window(live_performance(served, {}), "7_days", FIRST + dt.timedelta(days=11))
    assert row["first_date"] == FIRST + dt.timedelta(days=4)


def test_earlier_days_fill_windows_and_have_no_rows_of_their_own() -> None:
    served, first = joined(40), FIRST + dt.timedelta(days=35)
    found = live_performance(served, {}, first)
    assert found["last_date"].min() == first
    assert found.equals(live_performance(served, {}).filter(pl.col("last_date") >= first))
    assert window(found, "30_days", first)["game_days"] == 30


def test_shadow_predictions_are_not_the_champions() -> None:
    both = pl.concat([joined(8), joined(8, "n", "challenger", skill=0.0)])
    assert live_performance(both, {}).equals(live_performance(joined(8), {}))


def test_each_champion_stands_for_itself_from_its_first_day() -> None:
    both = pl.concat([joined(5), joined(4, "n", start=5)])
    found = live_performance(both, {})
    since = found.filter(pl.col("window") == "since_promotion").sort("model")
    assert since["model"].to_list() == ["m", "n"]
    assert since["first_date"].to_list() == [FIRST, FIRST + dt.timedelta(days=5)]


def test_against_the_holdout_in_figures_and_words() -> None:
    served, holdout = joined(30, skill=0.0), metrics(joined(300))
    row = live_performance(served, {"m": holdout}).filter(pl.col("window") == "since_promotion").row(0, named=True)
    assert row["change_nats"] == pytest.approx(row["log_loss"] - holdout.log_loss)
    assert row["change_se"] == pytest.approx(np.hypot(row["log_loss_se"], holdout.log_loss_se))
    assert str(row["note"]).startswith("worse than on its holdout")
    same = live_performance(joined(30), {"m": holdout}).filter(pl.col("window") == "since_promotion")
    assert same["note"][0].startswith("within 2 standard errors")
    without = live_performance(served, {"m": None})
    assert without["note"].unique().to_list() == ["no holdout of this champion is on record to compare with"]
    assert without["change_nats"].null_count() == without.height


def test_a_window_without_labels_says_so() -> None:
    served = pending(joined(20), pl.col("game_date") >= FIRST + dt.timedelta(days=8))
    row = window(live_performance(served, {}), "7_days", FIRST + dt.timedelta(days=19))
    assert (row["n"], row["log_loss"], row["pending"]) == (0, None, 7 * GAMES_A_DAY * SHOTS_A_GAME)
    assert "no outcome is known in this window" in str(row["note"])
    assert "350 prediction(s) wait" in str(row["note"])
    assert LIVE_PERFORMANCE.violations(live_performance(served, {})) == {}


def test_one_class_and_one_game_have_an_answer() -> None:
    one = joined(1).filter(pl.col("game") == "0").with_columns(outcome=pl.lit(value=True))
    row = live_performance(one, {"m": metrics(joined(300))}).row(0, named=True)
    assert row["log_loss_se"] is None
    assert "one game tells no standard error" in str(row["note"])


def test_nothing_served_is_an_empty_table() -> None:
    assert live_performance(joined(3).head(0), {}).schema == LIVE_PERFORMANCE.schema


def test_the_order_of_rows_does_not_matter() -> None:
    served = pl.concat([joined(9), joined(9, "n", target="other")])
    assert live_performance(served.sample(fraction=1, shuffle=True, seed=3), {}).equals(live_performance(served, {}))
