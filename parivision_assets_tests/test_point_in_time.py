"""Poison: whatever is dated at or after a shot is replaced by garbage; the shot's features must not move by a bit."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parivision_assets.core import history, in_game
from parivision_assets.core.contracts import SHOTS, KnownAt
from parivision_assets.core.shot_features import FEATURES, shot_features
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.sources.archives import parse_shots
from parivision_assets_tests.core.canonical_shots import season_shots

NAMES = [feature.name for feature in FEATURES]
KEYS = ("season", "game_date", "game_id", "shot_number", "quarter", "clock_s", "team", "opponent", "is_home")
"""When and where a row belongs; everything else of a later row is garbage."""


def poisoned(shots: pl.DataFrame, event: dict[str, object], seed: int) -> pl.DataFrame:
    """Return the season with garbage in every row that is not before the event; of the event itself, the label."""
    date, game, second = event["game_date"], event["game_id"], in_game.elapsed_s()
    now = pl.DataFrame([event]).select(second).item()
    earlier = (pl.col("game_date") < date) | ((pl.col("game_id") == game) & (second < now))
    itself = (pl.col("game_id") == game) & (pl.col("shot_number") == event["shot_number"])
    rng = np.random.default_rng(seed)
    columns = []
    for name in shots.columns:
        if name in KEYS or name not in SHOTS.names():
            continue
        garbage = pl.Series(name, shots[name].gather(rng.integers(0, len(shots), len(shots))))
        if name == "is_made":
            garbage = ~shots[name]
        kept = earlier if SHOTS.column(name).known_at is KnownAt.LABEL else earlier | itself
        columns.append(pl.when(kept).then(pl.col(name)).otherwise(pl.lit(garbage)).alias(name))
    return shots.with_columns(columns)


def features_of(shots: pl.DataFrame, past: history.Totals, event: dict[str, object]) -> pl.DataFrame:
    season = int(str(event["season"]))
    totals = history.concat_totals([past, history.season_totals(shots)])
    table = shot_features(shots, totals, season)
    return table.filter(
        (pl.col("game_id") == event["game_id"]) & (pl.col("shot_number") == event["shot_number"])
    ).select(NAMES)


def assert_untouched(shots: pl.DataFrame, past: history.Totals, rows: list[int]) -> None:
    totals = history.concat_totals([past, history.season_totals(shots)])
    honest = shot_features(shots, totals, int(shots["season"][0])).select("game_id", "shot_number", *NAMES)
    for seed, row in enumerate(rows):
        event = shots.row(row, named=True)
        expected = honest.filter(
            (pl.col("game_id") == event["game_id"]) & (pl.col("shot_number") == event["shot_number"])
        ).select(NAMES)
        assert len(expected) == 1
        assert features_of(poisoned(shots, event, seed), past, event).equals(expected), event


def test_the_future_does_not_reach_the_features() -> None:
    shots = season_shots(2015, games=12, shots_per_game=80)
    past = history.season_totals(season_shots(2014, games=12))
    rows = np.random.default_rng(4).choice(len(shots), size=12, replace=False)
    assert_untouched(shots, past, [0, len(shots) - 1, *map(int, rows)])


def test_the_poison_is_strong_enough_to_be_noticed() -> None:
    shots = season_shots(2015, games=6, shots_per_game=80)
    past = history.season_totals(season_shots(2014, games=6))
    event = shots.row(len(shots) // 2, named=True)
    later = shots.row(len(shots) - 1, named=True)
    poison = poisoned(shots, event, 1)
    assert not features_of(poison, past, later).equals(features_of(shots, past, later))


def test_after_the_event_its_own_records_do_not_reach_the_features_before_release() -> None:
    shots = season_shots(2015, games=6, shots_per_game=80)
    past = history.season_totals(season_shots(2014, games=6))
    event = shots.row(200, named=True)
    itself = (pl.col("game_id") == event["game_id"]) & (pl.col("shot_number") == event["shot_number"])
    recorded = ("x_ft", "y_ft", "distance_ft", "angle_deg", "recorded_distance_ft")
    poison = shots.with_columns(
        *(pl.when(itself).then(1).otherwise(pl.col(name)).cast(shots.schema[name]).alias(name) for name in recorded),
        *(pl.when(itself).then(pl.lit("Garbage")).otherwise(pl.col(n)).alias(n) for n in ("zone", "action_type")),
    )
    names = [feature.name for feature in SHOT_PRE_RELEASE.features]
    expected = features_of(shots, past, event).select(names)
    assert features_of(poison, past, event).select(names).equals(expected)


@pytest.mark.real_data
def test_the_future_does_not_reach_the_features_of_real_shots(real_data: Path) -> None:
    path = real_data / "shots" / "NBA_2018_Shots.csv.zip"
    shots = clean_shots(parse_shots(path.read_bytes(), path.name)).valid
    shots = shots.filter(pl.col("game_date") < dt.date(2017, 11, 5))
    start, day = shots["game_date"].min(), dt.date(2017, 10, 28)
    assert isinstance(start, dt.date)
    past = history.season_totals(shots.filter(pl.col("game_date") < start))
    rows = shots.with_row_index().filter(pl.col("game_date") == day)["index"].to_list()
    assert_untouched(shots, past, [rows[0], rows[len(rows) // 2], rows[-1]])
