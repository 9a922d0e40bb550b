"""A season as a replay meets it: refused days, late labels, and features that are the platform's own."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from parivision_assets.commands.replay.command import land_published, replay_settings
from parivision_assets.commands.replay.season import Past, PlayedSeason, play
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import ACTION_TOTALS, PLAYER_GAME_TOTALS, TEAM_GAME_TOTALS
from parivision_assets.core.game_state import GameState
from parivision_assets.core.league import ScenarioKind, SensorFault
from parivision_assets.sources.archives import Dataset, find_files, read
from parivision_assets.sources.day_by_day import DAILY, ArchiveDays, DaySource, LeagueDays, publish_day
from parivision_assets.stores.home import Home
from parivision_assets_tests.commands.replay.leagues import LEARNT, LIVED, START_GAME_DAY, game_days, league, question
from parivision_assets_tests.model_platform import UNTRACKED
from parivision_assets_tests.small_platform import SmallPlatform

SOURCE_COLUMNS = ("source_file", "source_row", "source_url")


def lived(source: LeagueDays) -> tuple[PlayedSeason, Past]:
    """Return the second season after the first."""
    _, past = play(source, LEARNT, Past({}, GameState()))
    return play(source, LIVED, past)


@pytest.mark.parametrize("fault", list(SensorFault))
def test_a_broken_sensor_is_refused_from_its_first_day_and_never_in_features(fault: SensorFault) -> None:
    played, past = lived(league(ScenarioKind.BROKEN_SENSOR, fault))
    broken = [day for day in game_days() if day >= game_days()[START_GAME_DAY]]
    shots = played.features["shot_features"]
    assert set(broken) <= set(played.refused)
    assert min(played.refused) == broken[0]
    assert shots["game_date"].max() < broken[0]
    assert past.totals[LIVED].players["game_date"].max() < broken[0]
    # Why, in words that name the day and the rule.
    assert str(broken[0]) in played.refused[broken[0]]
    assert "break a rule" in played.refused[broken[0]]
    # Games have no coordinates: they go on.
    assert played.features["game_features"]["game_date"].max() >= broken[-1]


def test_a_refused_day_lands_without_its_shots(tmp_path: Path) -> None:
    """As a person would hold them back: in the tables they would stop the whole season."""
    played, _ = lived(league(ScenarioKind.BROKEN_SENSOR))
    home = Home(replay_settings(question(), tmp_path))
    broken = min(played.refused)
    whole = max(day for day in game_days() if day < broken)
    for day in (whole, broken, broken):
        land_published(home, played, day, tmp_path / "days")
    landed = {data: [entry.day for entry in home.landing.objects(data, str(LIVED))] for data in DAILY}
    assert landed == {Dataset.SHOTS: [whole], Dataset.GAMES: [whole, broken], Dataset.ODDS: [whole, broken]}


def test_nothing_is_refused_in_a_whole_league() -> None:
    played, _ = lived(league(None))
    assert played.refused == {}
    assert played.features["shot_features"]["game_date"].n_unique() == len(game_days())


def test_late_labels_teach_nothing_early() -> None:
    """What a day's features know of a late game's outcome is nothing until the day after it was published."""
    on_time, _ = lived(league(None))
    late, past = lived(league(ScenarioKind.LABEL_DELAY))
    source, start = league(ScenarioKind.LABEL_DELAY), game_days()[START_GAME_DAY]
    first_known = source.known_on(start)
    assert first_known == start + dt.timedelta(days=6)
    known = past.totals[LIVED].teams["game_date"].unique().sort().to_list()
    assert known == sorted({source.known_on(day) for day in game_days()})

    def until(played: PlayedSeason, first: dt.date, last: dt.date) -> pl.DataFrame:
        rows = played.features["shot_features"].filter(pl.col("game_date").is_between(first, last))
        return rows.select("game_id", "shot_number", "game_date", "shooter_attempts", "league_rate")

    before = until(late, dt.date.min, start)
    assert_frame_equal(before, until(on_time, dt.date.min, start))
    # On each day of the wait nobody's attempts have grown: they only fade, as on the first of these days.
    waiting = until(late, start, first_known)
    whole = until(on_time, start, first_known)
    assert waiting["shooter_attempts"].sum() < whole["shooter_attempts"].sum()


def test_features_are_those_of_the_platforms_assets(filled: SmallPlatform) -> None:
    """The same published files by Dagster runs and by `play` give the same feature rows, bit for bit."""
    urls = {data: filled.settings.source_url(data) for data in DAILY}
    source, past = ArchiveDays(urls), Past({}, GameState())
    for season in source.seasons:
        played, past = play(source, season, past)
        for name, frame in played.features.items():
            key = list(next(target.table.key for target in TARGETS.values() if target.table.name == name))
            table = filled.home.tables.read(name, str(season))
            # Tracking logs are no daily files: a replay's publisher has none.
            kept = [column for column in table.columns if column not in UNTRACKED]
            assert_frame_equal(frame.select(kept).sort(key), table.select(kept).sort(key), check_exact=True)
        for table, found in (
            (PLAYER_GAME_TOTALS, past.totals[season].players),
            (TEAM_GAME_TOTALS, past.totals[season].teams),
            (ACTION_TOTALS, past.totals[season].actions),
        ):
            assert_frame_equal(found, filled.home.tables.read(table.name, str(season)), check_exact=True)


def test_a_leagues_days_come_back_as_the_same_rows(tmp_path: Path) -> None:
    assert_days_round_trip(league(), LIVED, tmp_path)


@pytest.mark.real_data
def test_a_real_seasons_days_come_back_as_the_same_rows(real_data: Path, tmp_path: Path) -> None:
    names = {Dataset.SHOTS: "shots", Dataset.GAMES: "games", Dataset.ODDS: "odds"}
    urls = {data: str(real_data / name) for data, name in names.items()}
    assert_days_round_trip(ArchiveDays(urls), 2016, tmp_path)


def assert_days_round_trip(source: DaySource, season: int, folder: Path) -> None:
    """Publish every day of a season; the files, read as any publisher's, hold the season's rows."""
    rows = {data: found for data in DAILY if (found := source.rows(data, season)) is not None}
    assert set(rows) == set(DAILY)
    played, _ = play(source, season, Past({}, GameState()))
    for day in played.days:
        assert publish_day(rows, season, day, folder)
    for data, whole in rows.items():
        files = find_files(str(folder), data)
        assert [file.day for file in files] == sorted({file.day for file in files if file.day})
        back = pl.concat([read(file) for file in files])
        columns = [name for name in whole.columns if name not in SOURCE_COLUMNS]
        order = [name for name in columns if not whole[name].dtype.is_nested()]
        assert_frame_equal(back.select(columns).sort(order), whole.select(columns).sort(order), check_exact=True)
