"""The conversions alone: payloads in, archive tables out, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nba_api.stats.endpoints.leaguegamefinder import LeagueGameFinder
from nba_api.stats.endpoints.scheduleleaguev2 import ScheduleLeagueV2
from nba_api.stats.endpoints.shotchartdetail import ShotChartDetail
from nba_api.stats.static import teams

from parivision_assets.core import team_codes
from parivision_assets.sources import archives, parsing, published
from parivision_assets.sources.live import Fetched, LiveFormatError, published_csv
from parivision_assets.sources.live import convert as live
from parivision_assets.sources.live.schedule import LEAGUE_SCHEMA, to_coming_games, to_schedule
from parivision_assets_tests.sources.live.service import (
    GAME_HEADERS,
    IDS,
    SHOT_HEADERS,
    game_pair,
    games_payload,
    schedule_payload,
    scheduled,
    shot,
    shots_payload,
    team_game,
)

GAME = "0022600101"


def shot_rows(*rows: list[object]) -> pl.DataFrame:
    return live.result_set(shots_payload(*rows), live.SHOTS_ENDPOINT, "Shot_Chart_Detail", live.SHOT_COLUMNS)


def game_rows(*rows: list[object]) -> pl.DataFrame:
    return live.result_set(games_payload(*rows), live.GAMES_ENDPOINT, "LeagueGameFinderResults", live.TEAM_GAME_COLUMNS)


def one_shot(**values: object) -> dict[str, Any]:
    return live.to_archive_shots(shot_rows(shot(GAME, "BOS", "ATL", "BOS", **values))).row(0, named=True)


def test_fixtures_have_the_installed_packages_format() -> None:
    assert ShotChartDetail.expected_data["Shot_Chart_Detail"] == SHOT_HEADERS
    assert LeagueGameFinder.expected_data["LeagueGameFinderResults"] == GAME_HEADERS
    flat = {"homeTeam_teamId", "awayTeam_teamId"} | (set(scheduled(GAME, "ATL", "BOS")) - {"homeTeam", "awayTeam"})
    assert flat <= set(ScheduleLeagueV2.expected_data["SeasonGames"])


def test_the_cores_franchise_numbers_are_the_packages() -> None:
    assert {team["id"]: team["abbreviation"] for team in teams.get_teams()} == team_codes.NBA_TEAM_IDS


def test_a_shot_becomes_an_archive_row() -> None:
    assert one_shot() == {
        "SEASON_1": 2027, "SEASON_2": "2026-27", "TEAM_ID": IDS["BOS"], "TEAM_NAME": "BOS Team",
        "PLAYER_ID": 9_000_007, "PLAYER_NAME": "BOS Guard 07", "POSITION_GROUP": None, "POSITION": None,
        "GAME_DATE": "11-20-2026", "GAME_ID": 22600101, "HOME_TEAM": "ATL", "AWAY_TEAM": "BOS",
        "EVENT_TYPE": "Missed Shot", "SHOT_MADE": False, "ACTION_TYPE": "Jump Shot", "SHOT_TYPE": "3PT Field Goal",
        "BASIC_ZONE": "Left Corner 3", "ZONE_NAME": "Left Side", "ZONE_ABB": "L", "ZONE_RANGE": "24+ ft.",
        "LOC_X": 23.2, "LOC_Y": 5.75, "SHOT_DISTANCE": 23, "QUARTER": 1, "MINS_LEFT": 11, "SECS_LEFT": 40,
        "source_file": "live", "source_row": 1,
    }  # fmt: skip


def test_a_shot_from_straight_on_has_no_negative_zero() -> None:
    assert str(one_shot(LOC_X=0, LOC_Y=0)["LOC_X"]) == "0.0"
    assert one_shot(LOC_X=0, LOC_Y=0)["LOC_Y"] == 5.25


@given(x=st.integers(-250, 250), y=st.integers(-52, 887))
def test_coordinates_keep_the_place_mirrored_as_the_archive_has_it(x: int, y: int) -> None:
    row = one_shot(LOC_X=x, LOC_Y=y)
    assert row["LOC_X"] == pytest.approx(-x / 10)
    assert row["LOC_Y"] - 5.25 == pytest.approx(y / 10)


@pytest.mark.parametrize(
    ("area", "name", "abbreviation"),
    [
        ("Left Side Center(LC)", "Left Side Center", "LC"),
        ("Back Court(BC)", "Back Court", "BC"),
        ("Moon", "Moon", None),
    ],
)
def test_areas_are_split(area: str, name: str, abbreviation: str | None) -> None:
    row = one_shot(SHOT_ZONE_AREA=area)
    assert (row["ZONE_NAME"], row["ZONE_ABB"]) == (name, abbreviation)


@pytest.mark.parametrize(
    ("game", "season", "name"),
    [("0029900683", 2000, "1999-00"), ("0022000001", 2021, "2020-21"), ("0024600001", 1947, "1946-47")],
)
def test_seasons_are_read_from_game_numbers(game: str, season: int, name: str) -> None:
    row = one_shot(GAME_ID=game)
    assert (row["SEASON_1"], row["SEASON_2"]) == (season, name)
    assert live.season_name(season) == name


@pytest.mark.parametrize(
    ("date", "season"),
    [("2026-11-20", 2027), ("2026-09-30", 2026), ("2020-10-11", 2020), ("2020-12-22", 2021), ("2021-07-20", 2021)],
)
def test_dates_belong_to_seasons(date: str, season: int) -> None:
    assert live.season_on(dt.date.fromisoformat(date)) == season


def test_an_odd_value_passes_for_the_core_to_judge() -> None:
    row = one_shot(GAME_DATE="20 Nov", PERIOD=0, LOC_X=9999, SHOT_DISTANCE=None)
    assert (row["GAME_DATE"], row["QUARTER"], row["LOC_X"], row["SHOT_DISTANCE"]) == ("20 Nov", 0, -999.9, None)


def test_no_shots_are_no_rows_of_the_same_schema() -> None:
    assert live.to_archive_shots(shot_rows()).schema == published.SHOTS.schema


def test_both_tables_survive_the_publishers_csv() -> None:
    shots = live.to_archive_shots(
        shot_rows(shot(GAME, "ATL", "ATL", "BOS", SHOT_MADE_FLAG=1), shot(GAME, "BOS", "ATL", "BOS"))
    )
    games, _ = live.to_archive_games(game_rows(*game_pair(GAME, "ATL", "BOS")))
    parsed = parsing.parse_shots(published_csv(shots), "live")
    assert parsed.equals(shots)
    assert b",TRUE," in published_csv(shots)
    assert parsing.parse_games(published_csv(games), "live").equals(games)


def test_a_game_becomes_an_archive_row() -> None:
    games, left_out = live.to_archive_games(game_rows(*game_pair(GAME, "ATL", "BOS")))
    assert left_out == ()
    assert games.row(0, named=True) == {
        "GAME_DATE_EST": "2026-11-20", "GAME_ID": 22600101, "GAME_STATUS_TEXT": "Final", "HOME_TEAM_ID": IDS["ATL"],
        "VISITOR_TEAM_ID": IDS["BOS"], "SEASON": 2026, "TEAM_ID_home": IDS["ATL"], "PTS_home": 110.0,
        "FG_PCT_home": 0.5, "FT_PCT_home": 0.75, "FG3_PCT_home": 0.25, "AST_home": 20.0, "REB_home": 40.0,
        "TEAM_ID_away": IDS["BOS"], "PTS_away": 101.0, "FG_PCT_away": 0.5, "FT_PCT_away": 0.75,
        "FG3_PCT_away": 0.25, "AST_away": 20.0, "REB_away": 40.0, "HOME_TEAM_WINS": 1,
        "source_file": "live", "source_row": 1,
    }  # fmt: skip


def test_games_come_newest_first_whatever_the_order_of_rows() -> None:
    older = game_pair("0022600090", "CLE", "LAC", GAME_DATE="2026-11-19")
    newer = game_pair(GAME, "ATL", "BOS")
    forwards, _ = live.to_archive_games(game_rows(*older, *newer))
    backwards, _ = live.to_archive_games(game_rows(*reversed([*older, *newer])))
    assert forwards["GAME_ID"].to_list() == [22600101, 22600090]
    assert forwards.equals(backwards)


NEUTRAL = [team_game(GAME, "ATL", "ATL @ BOS"), team_game(GAME, "BOS", "BOS @ ATL", WL="L", PTS=90)]


def test_a_neutral_game_needs_the_schedule() -> None:
    games, [left] = live.to_archive_games(game_rows(*NEUTRAL))
    assert games.is_empty()
    assert (left.game_id, left.reason) == (22600101, "neither the schedule nor MATCHUP says who is at home")
    games, left_out = live.to_archive_games(game_rows(*NEUTRAL), {22600101: IDS["BOS"]})
    assert (games["HOME_TEAM_ID"][0], games["HOME_TEAM_WINS"][0], left_out) == (IDS["BOS"], 0, ())


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (game_pair(GAME, "ATL", "BOS")[:1], "1 team row(s) instead of 2"),
        (game_pair(GAME, "ATL", "BOS") + game_pair(GAME, "ATL", "BOS")[:1], "3 team row(s) instead of 2"),
        (game_pair(GAME, "ATL", "BOS", WL=None), "not final"),
        (game_pair(GAME, "ATL", "BOS", PTS=None), "not final"),
    ],
)
def test_an_unfinished_or_torn_game_is_left_out(rows: list[list[object]], reason: str) -> None:
    games, [left] = live.to_archive_games(game_rows(*rows))
    assert games.is_empty()
    assert (left.game_id, left.reason) == (22600101, reason)


@pytest.mark.parametrize(("charted", "is_whole"), [(95, True), (94, False), (0, False), (101, True)])
def test_a_game_is_whole_when_the_box_score_agrees(charted: int, is_whole: bool) -> None:
    team_games = game_rows(*game_pair(GAME, "ATL", "BOS", FGA=100))
    rows = [shot(GAME, "ATL", "ATL", "BOS")] * 100 + [shot(GAME, "BOS", "ATL", "BOS")] * charted
    assert (live.incompletely_charted(team_games, shot_rows(*rows)) == ()) is is_whole


def test_a_box_score_without_attempts_still_needs_shots() -> None:
    team_games = game_rows(*game_pair(GAME, "ATL", "BOS", FGA=None))
    assert len(live.incompletely_charted(team_games, shot_rows(shot(GAME, "ATL", "ATL", "BOS")))) == 1


def broken(change: Any) -> dict[str, Any]:
    payload = shots_payload(shot(GAME, "ATL", "ATL", "BOS"), shot(GAME, "BOS", "ATL", "BOS"))
    return change(payload) or payload


def set_value(row: int, column: str, value: object) -> Any:
    def change(payload: dict[str, Any]) -> None:
        payload["resultSets"][0]["rowSet"][row][SHOT_HEADERS.index(column)] = value

    return change


def rename(payload: dict[str, Any]) -> None:
    payload["resultSets"][0]["headers"] = ["LOC_Z" if name == "LOC_X" else name for name in SHOT_HEADERS]


BROKEN = {
    "nothing": (lambda _: {}.copy() or {"x": 1}, "no resultSets in the answer, but x"),
    "other set": (lambda p: p["resultSets"][0].update(name="Moon"), "no result set Shot_Chart_Detail, but Moon"),
    "no sets": (lambda p: p.update(resultSets=[]), "no result set Shot_Chart_Detail, but none"),
    "headers": (rename, "result set Shot_Chart_Detail lacks column(s) LOC_X"),
    "no rowSet": (lambda p: p["resultSets"][0].pop("rowSet") and None, "has no headers or no rowSet"),
    "short row": (lambda p: p["resultSets"][0]["rowSet"][1].pop() and None, "row 2: 23 values for 24 headers"),
    "no row": (lambda p: p["resultSets"][0]["rowSet"].append("x"), "row 3: no list of values for 24 headers"),
    "text": (set_value(1, "LOC_X", "12"), "row 2, column LOC_X: '12' is no Float64"),
    "no number": (set_value(0, "LOC_Y", float("nan")), "row 1, column LOC_Y: nan is no Float64"),
    "endless": (set_value(0, "PLAYER_ID", 10**400), "row 1, column PLAYER_ID: 1000"),
    "torn text": (set_value(0, "PLAYER_NAME", "\ud800"), "row 1, column PLAYER_NAME: '\\ud800' is no String"),
    "half": (set_value(0, "PERIOD", 1.5), "row 1, column PERIOD: 1.5 is no Int64"),
    "flag": (set_value(0, "PERIOD", True), "row 1, column PERIOD: True is no Int64"),
    "number": (set_value(0, "ACTION_TYPE", 3), "row 1, column ACTION_TYPE: 3 is no String"),
    "no game": (set_value(0, "GAME_ID", None), "row 1, column GAME_ID: None is no String"),
    "game": (set_value(0, "GAME_ID", "226"), "row 1, column GAME_ID: '226' is no String"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_another_format_is_refused_naming_the_place(case: str) -> None:
    change, problem = BROKEN[case]
    with pytest.raises(LiveFormatError) as caught:
        live.result_set(broken(change), live.SHOTS_ENDPOINT, "Shot_Chart_Detail", live.SHOT_COLUMNS)
    assert problem in str(caught.value)
    assert "endpoint shotchartdetail: " in str(caught.value)
    assert "Next: update nba_api" in str(caught.value)


def test_a_single_result_set_and_new_columns_are_understood() -> None:
    payload: dict[str, Any] = shots_payload(shot(GAME, "ATL", "ATL", "BOS", PERIOD=2.0))
    [only] = payload.pop("resultSets")
    only["headers"] = [*SHOT_HEADERS, "NEW"]
    only["rowSet"][0].append("unknown")
    frame = live.result_set({"resultSet": only}, live.SHOTS_ENDPOINT, "Shot_Chart_Detail", live.SHOT_COLUMNS)
    assert (frame.columns, frame["PERIOD"].to_list()) == (list(live.SHOT_COLUMNS), [2])


KEYS = st.sampled_from(["resultSets", "name", "headers", "rowSet", "leagueSchedule", "gameDates", "games", "x"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, 1e300, "\ud800", "\u0660" * 10])
    | st.text(st.characters(exclude_categories=()), max_size=12)
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
CELLS = st.dictionaries(st.sampled_from(SHOT_HEADERS), JSON, min_size=1, max_size=3)


def rows_or_refusal(cells: dict[str, Any]) -> pl.DataFrame | LiveFormatError:
    try:
        return live.to_archive_shots(shot_rows(shot(GAME, "ATL", "ATL", "BOS", **cells)))
    except LiveFormatError as refusal:
        return refusal


@given(cells=CELLS)
def test_any_cell_is_either_understood_or_refused_by_name(cells: dict[str, Any]) -> None:
    outcome = rows_or_refusal(cells)
    if isinstance(outcome, pl.DataFrame):
        assert outcome.schema == published.SHOTS.schema
        assert outcome["LOC_X"].is_nan().sum() == 0
    else:
        assert any(f"row 1, column {column}: " in str(outcome) for column in cells)


@given(payload=st.dictionaries(st.sampled_from(["resultSets", "resultSet"]), JSON))
def test_any_json_is_either_understood_or_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(LiveFormatError):
        live.result_set(payload, "any", "Shot_Chart_Detail", live.SHOT_COLUMNS)


GAME_KEYS = st.sampled_from(sorted(scheduled(GAME, "ATL", "BOS")))


@given(cells=st.dictionaries(GAME_KEYS, JSON | st.sampled_from(["0001-01-01T00:00:00+05:00"]), max_size=2))
def test_any_schedule_is_either_understood_or_refused(cells: dict[str, Any]) -> None:
    try:
        frame = to_schedule(schedule_payload(scheduled(GAME, "ATL", "BOS", **cells)))
    except LiveFormatError:
        assert cells
    else:
        assert frame.schema == LEAGUE_SCHEMA


def test_a_schedule_is_sorted_and_typed() -> None:
    late = scheduled("0022600200", "CLE", "LAC", "2026-11-22")
    frame = to_schedule(schedule_payload(late, scheduled(GAME, "ATL", "BOS"), scheduled("0022600300", "ATL", "TBD")))
    assert frame.schema == LEAGUE_SCHEMA
    assert frame["number"].to_list() == [GAME, "0022600200"]
    assert frame.row(0, named=True) | {"tip_off_utc": None} == {
        "game_date": dt.date(2026, 11, 20), "home_team": "ATL", "away_team": "BOS", "number": GAME,
        "home_team_id": IDS["ATL"], "tip_off_utc": None, "is_over": True, "is_postponed": False,
        "is_if_necessary": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ({"gameStatusText": "PPD"}, "is_postponed", True),
        ({"postponedStatus": "P"}, "is_postponed", True),
        ({"ifNecessary": "true"}, "is_if_necessary", True),
        ({"ifNecessary": "false"}, "is_if_necessary", False),
        ({"gameStatus": 1}, "is_over", False),
        ({"gameStatusText": "TBD"}, "tip_off_utc", None),
        ({"gameDateTimeUTC": "1900-01-01T00:00:00Z"}, "tip_off_utc", None),
        ({"gameDateTimeUTC": "2026-11-21T00:30:00Z"}, "tip_off_utc", dt.datetime(2026, 11, 21, 0, 30, tzinfo=dt.UTC)),
        ({"gameDateTimeUTC": "2026-11-21T00:30:00"}, "tip_off_utc", dt.datetime(2026, 11, 21, 0, 30, tzinfo=dt.UTC)),
    ],
)
def test_what_a_schedule_says_of_a_game(values: dict[str, object], column: str, expected: object) -> None:
    assert to_schedule(schedule_payload(scheduled(GAME, "ATL", "BOS", **values)))[column][0] == expected


def test_stages_of_coming_games() -> None:
    games = [scheduled(f"{digits}2600101", "ATL", "BOS") for digits in ("001", "002", "003", "004", "005", "006")]
    coming = to_coming_games(to_schedule(schedule_payload(*games)))
    assert coming["stage"].to_list() == ["regular", "playoffs", "playoffs", "regular"]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({}, "no leagueSchedule.gameDates"),
        ({"leagueSchedule": {"gameDates": [{"games": []}, {}]}}, "gameDates, entry 2: no list of games"),
        (schedule_payload(scheduled(GAME, "ATL", "BOS", gameDateEst="soon")), f"game {GAME}: ValueError"),
        (schedule_payload(scheduled(GAME, "ATL", "BOS", homeTeam=None)), f"game {GAME}: TypeError"),
        (schedule_payload(scheduled(GAME, "ATL", "BOS", awayTeam={})), f"game {GAME}: KeyError 'teamId'"),
    ],
)
def test_a_broken_schedule_is_refused(payload: dict[str, Any], problem: str) -> None:
    with pytest.raises(LiveFormatError, match="endpoint scheduleleaguev2") as caught:
        to_schedule(payload)
    assert problem in str(caught.value)


def test_an_empty_table_cannot_be_handed_out() -> None:
    with pytest.raises(ValueError, match="say Absent instead"):
        Fetched(live.to_archive_shots(shot_rows()))


FEED_TO_SERVICE = {
    "Shot Zone Basic": "SHOT_ZONE_BASIC", "Shot Zone Area": "SHOT_ZONE_AREA", "Shot Zone Range": "SHOT_ZONE_RANGE",
    "X Location": "LOC_X", "Y Location": "LOC_Y", "Shot Made Flag": "SHOT_MADE_FLAG", "Home Team": "HTM",
    "Away Team": "VTM",
}  # fmt: skip


@pytest.mark.real_data
def test_the_services_own_rows_become_the_archives_rows(real_data: Path) -> None:
    """The feed's sample is this endpoint's rows under other names; the 2015 archive holds the same shots."""
    feed = pl.read_csv(real_data / "feed" / "nba_shot_locations_sample.csv", infer_schema_length=None)
    named = feed.rename({name: FEED_TO_SERVICE.get(name, name.upper().replace(" ", "_")) for name in feed.columns})
    started = pl.col("GAME_ID") // 100_000 % 100
    rows = named.filter(started == 14).with_columns(
        GAME_ID=pl.col("GAME_ID").cast(pl.String).str.zfill(10), GAME_DATE=pl.col("GAME_DATE").cast(pl.String),
        EVENT_TYPE=pl.when(pl.col("SHOT_MADE_FLAG") == 1).then(pl.lit("Made Shot")).otherwise(pl.lit("Missed Shot")),
    )  # fmt: skip
    payload = json.loads(json.dumps({"resultSets": [{
        "name": "Shot_Chart_Detail", "headers": rows.columns, "rowSet": [list(row) for row in rows.iter_rows()],
    }]}))  # fmt: skip
    converted = live.to_archive_shots(
        live.result_set(payload, live.SHOTS_ENDPOINT, "Shot_Chart_Detail", live.SHOT_COLUMNS)
    )
    found = archives.find_shots(str(real_data / "shots"), 2015)
    assert found is not None
    archive = archives.read(found)
    key = ["GAME_ID", "PLAYER_ID", "QUARTER", "MINS_LEFT", "SECS_LEFT", "LOC_Y"]
    joined = converted.join(archive.unique(key), on=key, how="inner", suffix="_archive")
    assert joined.height > 20
    same = ["SEASON_1", "SEASON_2", "TEAM_ID", "GAME_DATE", "HOME_TEAM", "AWAY_TEAM", "EVENT_TYPE", "SHOT_MADE",
            "ACTION_TYPE", "SHOT_TYPE", "BASIC_ZONE", "ZONE_NAME", "ZONE_ABB", "ZONE_RANGE", "LOC_X"]  # fmt: skip
    archived = joined.select(pl.col(f"{column}_archive").alias(column) for column in same)
    assert joined.select(same).equals(archived)
