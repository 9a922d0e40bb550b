"""The synthetic league's files: the publishers' formats, whole or day by day, and the truth where no source looks."""

import hashlib
import zipfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.core.games import clean_games
from parivision_assets.core.league import League, LeagueConfig, Scenario, ScenarioKind, SensorFault, generate
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources import parsing
from parivision_assets.sources.synthetic import MANIFEST, LeaguePaths, last_day, write_day, write_league

HELD_BACK = date(2023, 11, 10)
DAYS = pl.col("GAME_DATE").str.to_date("%m-%d-%Y")


@pytest.fixture(scope="module")
def league() -> League:
    return generate(LeagueConfig.small())


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory, league: League) -> LeaguePaths:
    return write_league(league.config, tmp_path_factory.mktemp("league"), league)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_shots(path: Path) -> pl.DataFrame:
    return parsing.parse_shots(path.read_bytes(), path.name)


def test_every_file_is_read_by_the_readers_of_the_real_ones(paths: LeaguePaths, league: League) -> None:
    for season in league.config.season_numbers:
        raw = read_shots(paths.shots / f"NBA_{season}_Shots.csv.zip")
        assert raw.select(league.shots[season].columns).equals(league.shots[season])
    games = parsing.parse_games((paths.games / "games.csv").read_bytes(), "games.csv")
    odds_file = next(paths.odds.iterdir())
    odds = parsing.parse_odds(odds_file.read_bytes(), odds_file.name)
    cleaned = clean_games(games, odds)
    assert cleaned.report.quarantined == 0
    assert cleaned.report.joined_same_date == games.height == odds.height
    forecasts_file = next(paths.forecasts.iterdir())
    assert parsing.parse_forecasts(forecasts_file.read_bytes(), forecasts_file.name).height == games.height
    tracking_file = next(paths.tracking.iterdir())
    assert parsing.parse_tracking(tracking_file.read_bytes(), tracking_file.name).height > 10_000
    assert parsing.parse_schedule(paths.schedule.read_bytes(), "schedule.csv").height > 0


def test_shots_are_cleaned_without_a_loss_and_join_their_truth(paths: LeaguePaths) -> None:
    cleaned = clean_shots(read_shots(paths.shots / "NBA_2023_Shots.csv.zip"))
    assert cleaned.quarantined.height == 0
    truth = pl.read_parquet(paths.truth / "shots_2023.parquet")
    joined = cleaned.valid.join(truth, on=["game_id", "quarter", "clock_s", "player_id"], validate="1:1")
    assert joined.height == cleaned.valid.height == truth.height
    p, made = joined["p_post_event"], joined["is_made"]
    assert abs(float((made.cast(pl.Float64) - p).sum())) < 4 * float((p * (1 - p)).sum()) ** 0.5


@pytest.mark.real_data
def test_columns_and_their_values_look_like_the_real_files(paths: LeaguePaths, real_data: Path) -> None:
    real_zip = real_data / "shots" / "NBA_2018_Shots.csv.zip"
    ours_zip = paths.shots / "NBA_2024_Shots.csv.zip"
    with zipfile.ZipFile(real_zip) as real, zipfile.ZipFile(ours_zip) as ours:
        assert [n.replace("2018", "2024") for n in real.namelist()] == ours.namelist()
    real_shots, our_shots = read_shots(real_zip), read_shots(ours_zip)
    assert real_shots.schema == our_shots.schema
    shared = (
        "TEAM_ID", "TEAM_NAME", "POSITION_GROUP", "HOME_TEAM", "EVENT_TYPE", "SHOT_TYPE", "BASIC_ZONE", "ZONE_NAME",
        "ZONE_ABB", "ZONE_RANGE",
    )  # fmt: skip
    for name in shared:
        assert set(our_shots[name].unique()) <= set(real_shots[name].unique()), name
    sides = pl.col("ZONE_NAME") == "Left Side"
    for shots in (real_shots, our_shots):
        assert shots.filter(sides)["LOC_X"].min() > 0  # type: ignore[operator]
    labels = ["BASIC_ZONE", "ZONE_NAME", "ZONE_ABB", "ZONE_RANGE"]
    ours, theirs = (set(s.select(labels).unique().rows()) for s in (our_shots, real_shots))
    assert ours <= theirs
    for folder, name, parse in (
        ("games", "games.csv", parsing.parse_games),
        ("odds", "nba_2008-2020.csv", parsing.parse_odds),
        ("forecasts", "fivethirtyeight_nba_2016-2020.csv", parsing.parse_forecasts),
        ("tracking", "shot_logs_2014-15.csv.zip", parsing.parse_tracking),
    ):
        ours_file = next((paths.folder / folder).iterdir())
        real_frame = parse((real_data / folder / name).read_bytes(), name)
        our_frame = parse(ours_file.read_bytes(), ours_file.name)
        assert real_frame.schema == our_frame.schema, folder
        for column in ("whos_favored", "home", "team1", "HOME_TEAM_ID", "LOCATION", "SHOT_RESULT", "id_spread"):
            if column in our_frame.columns:
                assert set(our_frame[column].unique()) <= set(real_frame[column].unique()), column


def published_columns(path: Path) -> set[str]:
    data = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
    return set(data.split(b"\n", 1)[0].decode().split(","))


def test_truth_is_in_no_published_file_and_lies_apart(paths: LeaguePaths) -> None:
    secret = {"p_given_everything", "p_pre_release", "p_post_event", "p_published"}
    truth = [path for path in paths.folder.rglob("*") if path.is_file() and paths.truth in path.parents]
    assert secret == secret & {name for path in truth for name in pl.read_parquet_schema(path)}
    assert all(path.suffix == ".parquet" for path in truth)
    others = [path for path in paths.folder.rglob("*") if path.is_file() and path not in truth]
    tables = [path for path in others if path.name != MANIFEST]
    assert len(tables) == 8
    assert not any(secret & published_columns(path) for path in tables)


def test_truth_is_no_function_of_the_outcome(league: League) -> None:
    """Beyond what the probability itself says, outcome and truth are unrelated: nothing leaks from one to the other."""
    for season, truth in league.shot_truth.items():
        made = league.shots[season]["SHOT_MADE"].cast(pl.Float64)
        surprise = made - truth["p_given_everything"]
        assert abs(float((surprise * truth["p_pre_release"]).sum())) < 4 * (0.25 * truth.height) ** 0.5


def test_no_real_name_and_one_name_per_player(league: League) -> None:
    players = pl.concat(league.shots.values()).select("PLAYER_ID", "PLAYER_NAME").unique()
    assert players["PLAYER_ID"].n_unique() == players["PLAYER_NAME"].n_unique() == players.height
    assert players["PLAYER_NAME"].str.contains(r"^[A-Z]{3} (Guard|Forward|Center) \d\d$").all()


def test_writing_again_touches_nothing_and_repairs_what_was_damaged(tmp_path: Path, league: League) -> None:
    write_league(league.config, tmp_path, league)
    first = content(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    write_league(league.config, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == stamps
    (tmp_path / "games" / "games.csv").write_text("half a file")
    (tmp_path / "truth" / "games.parquet").unlink()
    write_league(league.config, tmp_path, league)
    assert content(tmp_path) == first


def test_another_league_replaces_the_whole_folder(tmp_path: Path, league: League) -> None:
    write_league(league.config, tmp_path, league)
    write_day(league, tmp_path, last_day(league))
    write_league(LeagueConfig.small(seed=3, seasons=1), tmp_path)
    names = set(content(tmp_path))
    assert not any("2024" in name for name in names)
    assert "odds/nba_2022-2022.csv" in names


def test_a_killed_write_leaves_whole_files_and_is_completed(
    tmp_path: Path, league: League, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Path.replace, []

    def dies(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        write_league(league.config, tmp_path, league)
    monkeypatch.undo()
    assert MANIFEST not in content(tmp_path)
    assert not list(tmp_path.rglob(".*"))
    write_league(league.config, tmp_path, league)
    assert MANIFEST in content(tmp_path)


def test_days_held_back_can_be_landed_one_by_one(tmp_path: Path) -> None:
    config = LeagueConfig.small(published_until=HELD_BACK)
    league = generate(config)
    paths = write_league(config, tmp_path, league)
    early = read_shots(paths.shots / "NBA_2024_Shots.csv.zip")
    assert early.select(DAYS.max()).item() <= HELD_BACK
    schedule = parsing.parse_schedule(paths.schedule.read_bytes(), "schedule.csv")
    assert schedule["game_date"].min() > HELD_BACK.isoformat()  # type: ignore[operator]
    rows, written = [early], []
    for ahead in range(1, 70):
        written += write_day(league, tmp_path, HELD_BACK + timedelta(days=ahead))
    days = [path for path in written if path.parent == paths.shots]
    assert all(path.name == f"NBA_2024_Shots.{path.name[15:25]}.csv" for path in days)
    rows += [read_shots(path) for path in days]
    for path, frame in zip(days, rows[1:], strict=True):
        assert frame.select(DAYS).to_series().unique().to_list() == [date.fromisoformat(path.name[15:25])]
    whole = pl.concat(rows).drop("source_file", "source_row")
    assert whole.sort(whole.columns).equals(league.shots[2024].sort(whole.columns))
    games = [p for p in written if p.parent == paths.games]
    odds = [p for p in written if p.parent == paths.odds]
    assert [p.name.replace("games", "nba") for p in games] == [p.name for p in odds]
    total = sum(parsing.parse_games(path.read_bytes(), path.name).height for path in games)
    published = parsing.parse_games((paths.games / "games.csv").read_bytes(), "games.csv").height
    assert total + published == sum(frame.height for frame in league.games.values())


def test_delayed_labels_are_rows_that_come_late_while_the_schedule_waits(tmp_path: Path) -> None:
    start = date(2023, 11, 6)
    scenario = Scenario(ScenarioKind.LABEL_DELAY, start, delay_days=5)
    config = LeagueConfig.small(published_until=HELD_BACK, scenario=scenario)
    league = generate(config)
    paths = write_league(config, tmp_path, league)
    shots = read_shots(paths.shots / "NBA_2024_Shots.csv.zip")
    assert shots.select(DAYS.max()).item() < start
    waiting = parsing.parse_schedule(paths.schedule.read_bytes(), "schedule.csv")
    assert waiting["game_date"].min() == start.isoformat()
    late = write_day(league, tmp_path, start + timedelta(days=5))
    assert {path.name.split(".")[1] for path in late} == {start.isoformat()}
    assert write_day(league, tmp_path, start) == []


@pytest.mark.parametrize("fault", SensorFault)
def test_a_broken_sensor_is_stopped_by_the_cleaning(tmp_path: Path, fault: SensorFault) -> None:
    """Every row since the break is quarantined and none before; the break comes late, so most of the file is sound."""
    start = date(2023, 11, 20)
    config = LeagueConfig.small(scenario=Scenario(ScenarioKind.BROKEN_SENSOR, start, fault))
    paths = write_league(config, tmp_path)
    raw = read_shots(paths.shots / "NBA_2024_Shots.csv.zip")
    cleaned = clean_shots(raw)
    assert cleaned.quarantined.height == raw.filter(start <= DAYS).height > 1000
    assert cleaned.valid.select(pl.col("game_date").max()).item() < start
