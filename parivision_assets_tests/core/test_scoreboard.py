"""The scoreboard: exactly the same events for everybody, what was left out, and who is ahead in words."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from parivision_assets.core.evaluation import row_log_loss
from parivision_assets.core.monitoring_tables import SCOREBOARD
from parivision_assets.core.scoreboard import benchmarks, scoreboard
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets_tests.core.served_frames import joined, pending


def rivals(frame: pl.DataFrame, **values: object) -> pl.DataFrame:
    return frame.select("event").unique().sort("event").with_columns(**{k: pl.lit(v) for k, v in values.items()})


def board(frame: pl.DataFrame, rival: pl.DataFrame, challenger: str | None = None) -> pl.DataFrame:
    found = scoreboard(frame, rival, "shot", 2024, challenger)
    assert SCOREBOARD.violations(found) == {}
    return found


def row(found: pl.DataFrame, contestant: str, where: str = "whole") -> dict[str, object]:
    return found.filter((pl.col("contestant") == contestant) & (pl.col("board") == where)).row(0, named=True)


def test_everybody_is_scored_on_the_same_events_and_the_difference_is_paired() -> None:
    served = joined(40)
    found = board(served, rivals(served, zone_mean=0.47, constant=0.5))
    assert found["n"].unique().to_list() == [served.height]
    label = served["outcome"].cast(pl.Float64).to_numpy()
    gap = row_log_loss(label, np.full(len(label), 0.5)) - row_log_loss(label, served["probability"].to_numpy())
    constant = row(found, "constant")
    assert constant["behind_nats"] == pytest.approx(gap.mean())
    sums = served.with_columns(d=pl.Series(gap - gap.mean())).group_by("game").agg(pl.col("d").sum())["d"]
    expected = np.sqrt(len(sums) / (len(sums) - 1) * float((sums**2).sum())) / len(gap)
    assert constant["behind_se"] == pytest.approx(expected)
    assert str(constant["standing"]).startswith("behind the champion by")
    assert row(found, "champion")["standing"] == "ahead of zone mean, constant"
    assert row(found, "champion")["behind_nats"] is None
    assert found["log_loss"].is_sorted()


def test_losses_are_shown() -> None:
    served = joined(60, skill=0.0)
    better = joined(60).select("event", closing_line="probability")
    found = board(served, better)
    assert found["contestant"][0] == "closing_line"
    assert row(found, "champion")["standing"] == "behind closing line"
    assert str(row(found, "closing_line")["standing"]).startswith("ahead of the champion by")


def test_a_contestant_that_lacks_some_events_limits_everybody_and_it_is_said() -> None:
    served = joined(20)
    some = pl.when(pl.col("event").str.ends_with("/1")).then(None).otherwise(0.5)
    found = board(served, rivals(served).with_columns(closing_line=some, published=pl.lit(None, pl.Float64)))
    assert found["n"].unique().to_list() == [served.height - 40]
    assert found["left_out"].unique().to_list() == [40]
    reason = found["left_out_reason"][0]
    assert "40 event(s) without closing line" in reason
    assert "published: none for any event, not on the board" in reason
    assert "published" not in found["contestant"].to_list()


def test_the_challenger_has_its_own_board_and_shrinks_nobody_elses() -> None:
    served = pl.concat([joined(20, skill=0.6), joined(5, "n", "challenger", start=15)])
    found = board(served, rivals(served, constant=0.5), "n")
    assert row(found, "champion")["n"] == joined(20).height
    shadow = found.filter(pl.col("board") == "shadow")
    assert set(shadow["contestant"]) == {"champion", "challenger", "constant"}
    assert shadow["n"].unique().to_list() == [joined(5).height]
    assert board(served, rivals(served, constant=0.5), "unknown").filter(pl.col("board") == "shadow").is_empty()


def test_only_scored_events_count() -> None:
    served = pending(joined(10), pl.col("game") == "3")
    found = board(served, rivals(served, constant=0.5))
    assert found["n"].unique().to_list() == [served.height - 25]
    late = served.with_columns(state=pl.lit("late"))
    assert board(late, rivals(served, constant=0.5)).is_empty()
    assert scoreboard(served, rivals(served), "other", 2024).is_empty()


def test_equals_are_level() -> None:
    served = joined(20)
    found = board(served, joined(20, skill=0.999).select("event", elo="probability"))
    assert "level with" in str(row(found, "champion")["standing"])
    assert str(row(found, "elo")["standing"]).startswith("level with the champion")


def test_should_two_have_served_an_event_one_counts() -> None:
    second = joined(6, "n", skill=0.0).with_columns(pl.col("as_of").dt.offset_by("-1d"))
    found = board(pl.concat([joined(6), second]), rivals(second, constant=0.5))
    # The one that knew least: it says one half everywhere, as the constant does.
    assert row(found, "champion")["log_loss"] == pytest.approx(np.log(2))
    assert row(found, "champion")["n"] == second.height


def test_rates_come_from_the_training_seasons_only() -> None:
    day = dt.date(2024, 1, 1)
    training = pl.DataFrame({"zone": ["a", "a", "b", "b"], "is_made": [True, False, False, False]})
    season = pl.DataFrame(
        {"game_id": [1, 1, 1], "shot_number": [1, 2, 3], "game_date": [day] * 3, "zone": ["a", "b", "c"]}
    ).with_columns(is_made=pl.lit(value=True))
    found = benchmarks(SHOT_PRE_RELEASE, training, season)
    assert found["zone_mean"].to_list() == [0.5, 0.0, 0.25]
    assert found["constant"].to_list() == [0.25] * 3
    assert benchmarks(SHOT_PRE_RELEASE, training.head(0), season).columns == ["event"]
