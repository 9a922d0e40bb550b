"""What was served, its outcomes, live performance and the scoreboard, materialised on a platform of drawn features."""

import datetime as dt
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parivision_assets.commands.run import RunResult
from parivision_assets.core.answered import SHOT_EVENT_COLUMNS
from parivision_assets.core.contracts import GAMES
from parivision_assets.core.game_features import GAME_FEATURE_TABLE
from parivision_assets.core.game_target import GAME
from parivision_assets.core.monitoring_tables import (
    LIVE_PERFORMANCE,
    LOGGED_PREDICTIONS,
    PREDICTION_OUTCOMES,
    SCOREBOARD,
    SERVED_PREDICTIONS,
)
from parivision_assets.core.outcomes import served_rows
from parivision_assets.core.questions import Answer, ShotEvent
from parivision_assets.core.shot_features import SHOT_FEATURES
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.defs.performance import join_season
from parivision_assets.defs.scoreboards import target_board
from parivision_assets.stores.prediction_log import LogEntry, PredictionLog, new_prediction_id
from parivision_assets.stores.provenance import provenance_of
from parivision_assets.stores.serving_record import champion_holdout, in_play
from parivision_assets_tests.model_platform import TARGET, games, model_platform, retrain
from parivision_assets_tests.small_platform import SmallPlatform, import_foreign_libraries

SEASON = "2022"
TODAY = dt.date(2022, 6, 1)
ALL_MADE = (SERVED_PREDICTIONS, LOGGED_PREDICTIONS, PREDICTION_OUTCOMES, LIVE_PERFORMANCE, SCOREBOARD)
PARTS = " or ".join(f"key:{made_here.name}" for made_here in ALL_MADE)


def dated(small: SmallPlatform) -> SmallPlatform:
    """Return the platform with a date given, since no game was landed."""
    return replace(small, settings=small.settings.model_copy(update={"today": TODAY}))


def made(small: SmallPlatform, part: str = "challenger champion", family: str = "logistic_regression") -> None:
    """Train a challenger, or let the gate decide; what foreign libraries warn of is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = retrain(small, {f"{TARGET}_challenger": {"config": {"families": [family], "budget": 0.2}}}, part)
    assert result.succeeded, result.problems


def materialised(small: SmallPlatform) -> RunResult:
    """Make all five assets of the season."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (result,) = small.run(PARTS, [SEASON])
    assert result.succeeded, result.problems
    return result


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """Return a platform whose first champion served a season, all assets made."""
    before = dict(os.environ)
    import_foreign_libraries()
    small = dated(model_platform(tmp_path_factory.mktemp("served")))
    made(small)
    materialised(small)
    yield small
    os.environ.clear()
    os.environ.update(before)


def table(small: SmallPlatform, name: str) -> pl.DataFrame:
    return small.home.tables.read(name, SEASON)


def test_without_a_champion_everything_is_absent_and_nothing_fails(tmp_path: Path) -> None:
    import_foreign_libraries()
    small = dated(model_platform(tmp_path))
    assert set(materialised(small).assets.values()) == {"absent"}
    for made_here in ALL_MADE:
        assert not small.home.tables.has(made_here.name, SEASON)


def test_the_champion_serves_every_event_it_did_not_learn_from(served: SmallPlatform) -> None:
    frame = table(served, "served_predictions")
    features = served.home.tables.read(SHOT_FEATURES.name, SEASON)
    assert frame.height == features.height
    assert frame["role"].unique().to_list() == ["champion"]
    assert (frame["as_of"] < frame["game_date"]).all()
    assert SERVED_PREDICTIONS.violations(frame) == {}
    # Season 2021 is what it was trained on.
    assert served.home.served.read(TARGET, last=dt.date(2021, 10, 1)).is_empty()


def test_outcomes_are_those_of_the_features(served: SmallPlatform) -> None:
    frame = table(served, "prediction_outcomes")
    made = served.home.tables.read(SHOT_FEATURES.name, SEASON)["is_made"].sum()
    assert frame["state"].unique().to_list() == ["scored"]
    assert frame["outcome"].sum() == made
    # No day file landed, so nobody can tell how late the labels were.
    assert frame["label_delay_days"].null_count() == frame.height


def test_live_figures_stand_beside_the_champions_own_holdout(served: SmallPlatform) -> None:
    frame = table(served, "live_performance")
    champion = in_play(served.home, TARGET)["champion"]
    holdout = champion_holdout(served.home, TARGET, champion)
    assert holdout is not None
    whole = frame.filter(pl.col("window") == "since_promotion").row(0, named=True)
    # It was judged on this very season, so what it served is its holdout.
    assert whole["log_loss"] == pytest.approx(holdout.log_loss)
    assert whole["change_nats"] == pytest.approx(0.0, abs=1e-8)
    assert frame.filter(pl.col("window") == "7_days").height == 40


def test_how_the_champion_came_about_is_on_record(served: SmallPlatform) -> None:
    champion = in_play(served.home, TARGET)["champion"]
    made_by = provenance_of(served.home, champion)
    assert made_by is not None
    assert made_by.mlflow_run == served.home.registry.run_of_bundle(TARGET, champion)
    assert made_by.dagster_run == served.home.registry.dagster_run(str(made_by.mlflow_run))


def test_everybody_on_the_board_has_the_same_events(served: SmallPlatform) -> None:
    frame = table(served, "scoreboard")
    assert set(frame["contestant"]) == {"champion", "constant", "zone_mean"}
    assert frame["n"].n_unique() == 1
    assert frame["contestant"][0] == "champion"
    assert "ahead of" in frame["standing"][0]


def test_again_changes_nothing(served: SmallPlatform) -> None:
    before = served.digests()
    files = {path: path.read_bytes() for path in served.home.served.root.rglob("*.parquet")}
    materialised(served)
    assert served.digests() == before
    assert {path: path.read_bytes() for path in served.home.served.root.rglob("*.parquet")} == files


def copied(small: SmallPlatform, root: Path) -> SmallPlatform:
    """Return a platform of its own with the same stores, and a Dagster instance that ran nothing yet."""
    shutil.copytree(small.settings.home, root / "home", ignore=shutil.ignore_patterns("dagster"))
    return replace(small, settings=small.settings.model_copy(update={"home": root / "home"}))


def test_a_challenger_scores_in_shadow_beside_the_champion(served: SmallPlatform, tmp_path: Path) -> None:
    small = copied(served, tmp_path)
    first = in_play(small.home, TARGET)["champion"]
    made(small, family="random_forest")
    models = in_play(small.home, TARGET)
    materialised(small)
    frame = table(small, "served_predictions")
    # Whoever serves now, what the first champion served stays as it was recorded.
    assert frame.filter(pl.col("role") == "champion")["model"].unique().to_list() == [first]
    assert set(frame["model"]) == {first, *models.values()}
    board = table(small, "scoreboard")
    assert set(board.filter(pl.col("board") == "shadow")["contestant"]) >= {"champion", "challenger"}
    assert board.filter(pl.col("board") == "whole")["contestant"].to_list().count("challenger") == 0


def test_a_corrected_game_corrects_its_outcomes_and_an_unlabelled_one_waits(
    served: SmallPlatform, tmp_path: Path
) -> None:
    small = copied(served, tmp_path)
    features = small.home.tables.read(SHOT_FEATURES.name, SEASON)
    flipped, gone = 2022000, 2022001
    first_shot = (pl.col("game_id") == flipped) & (pl.col("shot_number") == 1)
    corrected = features.filter(pl.col("game_id") != gone).with_columns(
        pl.when(first_shot).then(~pl.col("is_made")).otherwise("is_made").alias("is_made")
    )
    small.home.tables.write(SHOT_FEATURES.name, SEASON, corrected)
    materialised(small)
    states = dict(table(small, "prediction_outcomes").group_by("state").len().iter_rows())
    assert states == {"corrected": 1, "pending": 50, "scored": features.height - 51}


def test_games_meet_elo_the_closing_line_and_the_home_rate(tmp_path: Path) -> None:
    home = model_platform(tmp_path).home
    for season in (2021, 2022):
        features, played = games(season)
        market = 1 / (1 + (-features["margin_z"].cast(pl.Float64)).exp())
        home.tables.write(GAME_FEATURE_TABLE.name, season, features)
        home.tables.write(GAMES.name, season, played.with_columns(market.alias("closing_home_probability")))
    for (day,), rows in (
        served_rows(GAME, features, np.full(features.height, 0.5)).partition_by("game_date", as_dict=True).items()
    ):
        home.served.record(GAME.name, day, "champion", "m", rows)
    joined, _ = join_season(home, SEASON, home.served.read(GAME.name), TODAY)
    board = target_board(home, GAME, SEASON, joined)
    assert set(board["contestant"]) == {"champion", "home_rate", "elo", "closing_line"}
    assert board["contestant"][0] == "closing_line"
    assert board["n"].unique().to_list() == [features.height]
    assert "published: none for any event" in board["left_out_reason"][0]


def test_what_was_served_before_any_feature_landed_is_pending(tmp_path: Path) -> None:
    home = model_platform(tmp_path).home
    day = dt.date(2021, 11, 3)
    rows = pl.DataFrame({"event": ["g"], "game": ["g"], "as_of": [day - dt.timedelta(days=1)], "probability": [0.6]})
    home.served.record(GAME.name, day, "champion", "m", rows)
    joined, summary = join_season(home, SEASON, home.served.read(GAME.name), TODAY)
    assert joined["state"].to_list() == ["pending"]
    assert summary.pending_share == 1.0
    assert target_board(home, GAME, SEASON, joined).is_empty()


def test_the_label_delay_is_measured_for_what_a_day_file_brought(tmp_path: Path) -> None:
    home = model_platform(tmp_path).home
    features = home.tables.read(SHOT_FEATURES.name, SEASON)
    first = features["game_date"].min()
    assert isinstance(first, dt.date)
    own = features.filter(pl.col("game_date") <= first + dt.timedelta(days=1))
    rows = served_rows(SHOT_PRE_RELEASE, own, np.full(own.height, 0.5))
    for (day,), part in rows.partition_by("game_date", as_dict=True).items():
        home.served.record(TARGET, day, "champion", "m", part)
    # A later day had landed before: by the platform's date the outcomes came two days late, whenever one looks.
    home.landing.land("shots", SEASON, b"later", url="file:///later.csv", day=first + dt.timedelta(days=2))
    home.landing.land("shots", SEASON, b"a day", url="file:///day.csv", day=first)
    joined, summary = join_season(home, SEASON, home.served.read(TARGET), first + dt.timedelta(days=9))
    measured = joined.filter(pl.col("game_date") == first)
    assert measured["label_delay_days"].unique().to_list() == [2]
    # The other day came in a file of the whole season, which does not tell.
    assert joined["label_delay_days"].null_count() == joined.height - measured.height
    assert summary.label_delay_max_days == 2


def test_days_that_landed_in_order_have_no_label_delay_however_late_they_are_joined(tmp_path: Path) -> None:
    home = model_platform(tmp_path).home
    own = home.tables.read(SHOT_FEATURES.name, SEASON)
    first, second = own["game_date"].unique().sort()[:2]
    own = own.filter(pl.col("game_date") <= second)
    for (day,), part in own.partition_by("game_date", as_dict=True).items():
        rows = served_rows(SHOT_PRE_RELEASE, part, np.full(part.height, 0.5))
        home.served.record(TARGET, day, "champion", "m", rows)
    # Games that landed, and nothing of the shots, move the platform's date too.
    for dataset, day in (("shots", first), ("games", second), ("shots", second)):
        home.landing.land(dataset, SEASON, f"{dataset} {day}".encode(), url=f"file:///{dataset}.{day}.csv", day=day)
    joined, _ = join_season(home, SEASON, home.served.read(TARGET), second + dt.timedelta(days=30))
    assert joined["known_on"].to_list() == joined["game_date"].to_list()
    assert set(joined["label_delay_days"]) == {0}


def answers(small: SmallPlatform, events: list[tuple[ShotEvent | None, dt.date]]) -> list[str]:
    """Log the champion's answers to events by what each knew, and return their identifiers."""
    model = in_play(small.home, TARGET)["champion"]
    log = PredictionLog.open(small.settings.prediction_log_url)
    entries = []
    for event, as_of in events:
        answer = Answer(TARGET, 0.4, 0.3, 0.5, 2, True, (), model, 1, "s" * 64, as_of, b"")
        named = (None, None, None) if event is None else (event.key, str(event.game_id), event.game_date)
        entries.append(LogEntry(new_prediction_id(), "2022-01-01T00:00:00+00:00", answer, "{}", *named))
    log.append(entries).result(60)
    log.close()
    return [entry.prediction_id for entry in entries]


def test_what_the_api_answered_becomes_outcomes_and_moves_no_figure(served: SmallPlatform, tmp_path: Path) -> None:
    small = copied(served, tmp_path)
    before = table(small, "live_performance")
    features = small.home.tables.read(SHOT_FEATURES.name, SEASON).sort("game_date", "game_id", "shot_number")
    # Drawn shots may fall into one second: take one that stands alone.
    alone = features.filter(pl.struct(SHOT_EVENT_COLUMNS).is_unique()).row(0, named=True)
    game_id, player_id, quarter, clock_s = (int(alone[name]) for name in SHOT_EVENT_COLUMNS)
    event = ShotEvent(game_id, alone["game_date"], player_id, quarter, clock_s)
    coming = ShotEvent(9, TODAY, 7, 1, 100)
    early, late = event.game_date - dt.timedelta(days=1), event.game_date
    first, again, too_late, pending = answers(
        small, [(event, early), (event, early), (event, late), (coming, early), (None, early)]
    )[:4]
    materialised(small)
    logged, joined = table(small, "logged_predictions"), table(small, "prediction_outcomes")
    assert logged["prediction_id"].to_list() == [first, again, too_late, pending]
    states = joined.filter(pl.col("role") == "answered").sort("prediction_id").select("prediction_id", "state").rows()
    assert states == [(first, "scored"), (again, "scored"), (too_late, "late"), (pending, "pending")]
    own = joined.filter(pl.col("role") != "answered")
    assert own["state"].unique().to_list() == ["scored"]
    # The platform has its own record of the event, and nobody adds another by asking.
    assert table(small, "live_performance").equals(before)
    assert table(small, "scoreboard").equals(table(served, "scoreboard"))


def test_a_season_nobody_asked_about_is_absent_and_hypothetical_questions_are_counted(
    served: SmallPlatform, tmp_path: Path
) -> None:
    small = copied(served, tmp_path)
    answers(small, [(None, dt.date(2022, 1, 1))] * 3)
    result = materialised(small)
    assert result.assets["logged_predictions"] == "absent"
    assert table(small, "prediction_outcomes").equals(table(served, "prediction_outcomes"))
