"""Whole questions against the stand-in service: a day, a season, the coming games, and what is missing."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import polars as pl
import pytest

from parivision_assets.core import contracts
from parivision_assets.sources import published
from parivision_assets.sources.live import (
    Absent,
    Fetched,
    LiveFormatError,
    LiveSettings,
    LiveSource,
    LiveUnavailableError,
    MissingExtraError,
)
from parivision_assets_tests.sources.live.service import (
    IDS,
    Reply,
    Service,
    game_pair,
    games_payload,
    reply,
    schedule_payload,
    scheduled,
    shot,
    shots_payload,
    team_game,
)

DAY = dt.date(2026, 11, 20)
FIRST, SECOND = "0022600101", "0022600102"


def shots_of(game: str, home: str, away: str, each: int = 2) -> list[list[object]]:
    return [shot(game, team, home, away) for team in (home, away) for _ in range(each)]


@pytest.fixture
def good_day(service: Service) -> Service:
    service.script["leaguegamefinder"] = [
        reply(games_payload(*game_pair(FIRST, "ATL", "BOS"), *game_pair(SECOND, "CLE", "LAC")))
    ]
    service.script["scheduleleaguev2"] = [
        reply(schedule_payload(scheduled(FIRST, "ATL", "BOS"), scheduled(SECOND, "CLE", "LAC")))
    ]
    service.script["shotchartdetail"] = [
        reply(shots_payload(*shots_of(FIRST, "ATL", "BOS"), *shots_of(SECOND, "CLE", "LAC")))
    ]
    return service


def test_a_day_comes_in_the_archives_formats(good_day: Service, source: LiveSource) -> None:
    harvest = source.day(DAY)
    assert isinstance(harvest.games, Fetched)
    assert isinstance(harvest.shots, Fetched)
    assert harvest.games.frame.schema == published.GAMES.schema
    assert harvest.shots.frame.schema == published.SHOTS.schema
    assert harvest.games.frame["GAME_ID"].to_list() == [22600101, 22600102]
    assert harvest.shots.frame.height == 8
    assert (harvest.games.left_out, harvest.shots.left_out, harvest.games.notes) == ((), (), ())
    assert [receipt.endpoint for receipt in harvest.receipts] == [
        "leaguegamefinder",
        "scheduleleaguev2",
        "shotchartdetail",
    ]


def test_the_questions_are_the_right_ones(good_day: Service, source: LiveSource) -> None:
    source.day(DAY)
    games, schedule, shots = (asked.parameters for asked in good_day.asked)
    assert (games["PlayerOrTeam"], games["DateFrom"], games["DateTo"], games["LeagueID"]) == (
        "T", "2026-11-20", "2026-11-20", "00",
    )  # fmt: skip
    assert schedule == {"LeagueID": "00", "Season": "2026-27"}
    # FGA, because the service's default measure leaves misses out.
    wanted = {
        "ContextMeasure": "FGA", "TeamID": "0", "PlayerID": "0", "Season": "2026-27", "LastNGames": "0",
        "SeasonType": "Regular Season", "DateFrom": "2026-11-20", "DateTo": "2026-11-20",
    }  # fmt: skip
    assert wanted.items() <= shots.items()


def test_a_day_without_games_is_quiet(service: Service, source: LiveSource) -> None:
    service.script["leaguegamefinder"] = [reply(games_payload())]
    service.script["scheduleleaguev2"] = [reply(schedule_payload(scheduled(FIRST, "ATL", "BOS", "2026-11-21")))]
    harvest = source.day(DAY)
    for answer in (harvest.games, harvest.shots):
        assert isinstance(answer, Absent)
        assert answer.is_quiet_day
        assert answer.reason == "no game was scheduled on 2026-11-20"
    assert service.count("shotchartdetail") == 0


def test_nothing_answered_for_a_day_with_games_is_absent_not_empty(service: Service, source: LiveSource) -> None:
    service.script["leaguegamefinder"] = [reply(games_payload())]
    service.script["scheduleleaguev2"] = [reply(schedule_payload(scheduled(FIRST, "ATL", "BOS")))]
    harvest = source.day(DAY)
    assert isinstance(harvest.games, Absent)
    assert isinstance(harvest.shots, Absent)
    assert (harvest.games.dataset, harvest.shots.dataset) == ("games", "shots")
    assert harvest.games.expected_games == 1
    assert not harvest.games.is_quiet_day
    assert [game.game_id for game in harvest.games.left_out] == [22600101]


def test_nothing_answered_and_no_witness_is_absent_and_unknown(service: Service, source: LiveSource) -> None:
    service.script["leaguegamefinder"] = [reply(games_payload())]
    service.script["scheduleleaguev2"] = [reply(schedule_payload())]
    games = source.day(DAY).games
    assert isinstance(games, Absent)
    assert games.expected_games is None
    service.script["scheduleleaguev2"] = [Reply(b"", 403)]
    games = source.day(DAY).games
    assert isinstance(games, Absent)
    assert games.expected_games is None
    assert "HTTP status 403" in games.reason


def test_no_shots_for_a_played_day_is_absent(good_day: Service, source: LiveSource) -> None:
    good_day.script["shotchartdetail"] = [reply(shots_payload())]
    shots = source.day(DAY).shots
    assert isinstance(shots, Absent)
    assert shots.reason == "2 game(s) were played on 2026-11-20, but none has its shots"
    assert (shots.expected_games, shots.is_quiet_day) == (2, False)


def test_half_a_game_is_left_out_whole(good_day: Service, source: LiveSource) -> None:
    half = [*shots_of(FIRST, "ATL", "BOS"), *shots_of(SECOND, "CLE", "LAC")[:3]]
    good_day.script["shotchartdetail"] = [reply(shots_payload(*half))]
    shots = source.day(DAY).shots
    assert isinstance(shots, Fetched)
    assert shots.frame["GAME_ID"].unique().to_list() == [22600101]
    [left] = shots.left_out
    assert (left.game_id, left.reason) == (22600102, f"1 shots of team {IDS['LAC']} where the box score counts 2")


def test_a_running_and_a_forgotten_game_are_named(good_day: Service, source: LiveSource) -> None:
    running = game_pair(SECOND, "CLE", "LAC", WL=None)
    good_day.script["leaguegamefinder"] = [reply(games_payload(*game_pair(FIRST, "ATL", "BOS"), *running))]
    listed = [scheduled(FIRST, "ATL", "BOS"), scheduled(SECOND, "CLE", "LAC"),
              scheduled("0022600103", "BOS", "CLE", gameStatus=1),
              scheduled("0022600104", "LAC", "ATL", postponedStatus="P"),
              scheduled("0042600101", "LAC", "ATL", ifNecessary="true", gameStatus=1)]  # fmt: skip
    good_day.script["scheduleleaguev2"] = [reply(schedule_payload(*listed))]
    harvest = source.day(DAY)
    expected = [
        (22600102, "not final"),
        (22600103, "in the schedule, but the game list does not have it (yet)"),
    ]
    for answer in (harvest.games, harvest.shots):
        assert isinstance(answer, Fetched)
        assert [(game.game_id, game.reason) for game in answer.left_out] == expected


def test_a_failing_schedule_does_not_stop_the_day_but_is_noted(good_day: Service, source: LiveSource) -> None:
    good_day.script["scheduleleaguev2"] = [Reply(b"", 404)]
    games = source.day(DAY).games
    assert isinstance(games, Fetched)
    assert games.frame.height == 2
    [note] = games.notes
    assert note.startswith("not checked against the schedule: live source, endpoint scheduleleaguev2: HTTP status 404")


def test_a_failing_shots_endpoint_yields_nothing(good_day: Service, source: LiveSource) -> None:
    good_day.script["shotchartdetail"] = [Reply(b"<html>oops")]
    with pytest.raises(LiveUnavailableError, match="endpoint shotchartdetail: an HTML or XML page"):
        source.day(DAY)


def test_an_ignored_date_is_refused(good_day: Service, source: LiveSource) -> None:
    with pytest.raises(
        LiveFormatError, match=r"asked for 2026-11-21, answered 4 row\(s\) of other dates, first 2026-11-20"
    ):
        source.day(dt.date(2026, 11, 21))


def test_a_playoff_day_has_games_and_no_archive_shots(
    good_day: Service, settings: LiveSettings, source: LiveSource
) -> None:
    playoff = "0042600101"
    good_day.script["leaguegamefinder"] = [reply(games_payload(*game_pair(playoff, "ATL", "BOS", SEASON_ID="42026")))]
    good_day.script["scheduleleaguev2"] = [reply(schedule_payload(scheduled(playoff, "ATL", "BOS")))]
    harvest = source.day(DAY)
    assert isinstance(harvest.games, Fetched)
    assert isinstance(harvest.shots, Absent)
    assert harvest.shots.reason == "no finished game of the Regular Season on 2026-11-20"
    assert good_day.count("shotchartdetail") == 0
    both = LiveSource(LiveSettings(base_url=settings.base_url, min_interval_s=0, shot_season_types=("Playoffs",)))
    good_day.script["shotchartdetail"] = [reply(shots_payload(*shots_of(playoff, "ATL", "BOS")))]
    assert isinstance(both.day(DAY).shots, Fetched)
    assert good_day.asked[-1].parameters["SeasonType"] == "Playoffs"
    both.close()


def test_all_star_games_are_no_games(service: Service, source: LiveSource) -> None:
    rows = [
        team_game("0032600001", "EST", "EST vs. WST", SEASON_ID="32026"),
        team_game("0032600001", "WST", "WST @ EST", SEASON_ID="32026"),
    ]
    service.script["leaguegamefinder"] = [reply(games_payload(*rows))]
    service.script["scheduleleaguev2"] = [
        reply(schedule_payload(scheduled("0032600001", "EST", "WST"), scheduled(FIRST, "ATL", "BOS", "2026-11-21")))
    ]
    games = source.day(DAY).games
    assert isinstance(games, Absent)
    assert games.is_quiet_day


def test_a_season_asks_for_shots_team_by_team(good_day: Service, source: LiveSource) -> None:
    first = shots_of(FIRST, "ATL", "BOS")
    good_day.script["shotchartdetail"] = [
        reply(shots_payload(*first[:2])), reply(shots_payload(*first[2:])), reply(shots_payload()),
    ]  # fmt: skip
    harvest = source.season(2027)
    assert isinstance(harvest.shots, Fetched)
    assert harvest.shots.frame.height == 4
    assert [game.game_id for game in harvest.shots.left_out] == [22600102]
    asked = [one.parameters for one in good_day.asked if one.endpoint == "shotchartdetail"]
    assert len({one["TeamID"] for one in asked}) == len(asked) == 30
    assert {one["DateFrom"] for one in asked} == {""}
    assert good_day.asked[0].parameters["Season"] == "2026-27"


def test_another_season_than_asked_is_refused(good_day: Service, source: LiveSource) -> None:
    with pytest.raises(LiveFormatError, match="asked for season 2026, answered another"):
        source.season(2026)


def test_coming_games_keep_the_contract_and_the_tip_off(service: Service, source: LiveSource) -> None:
    later = {"gameStatus": 1, "gameStatusText": "7:30 pm ET"}
    service.script["scheduleleaguev2"] = [
        reply(
            schedule_payload(
                scheduled(FIRST, "ATL", "BOS"),
                scheduled(SECOND, "CLE", "LAC", "2026-11-21", **later),
                scheduled("0022600103", "BOS", "ATL", "2026-11-22", **later | {"gameStatusText": "TBD"}),
                scheduled("0022600104", "BOS", "TBD", "2026-11-22", **later),
                scheduled("0012600001", "BOS", "CLE", "2026-11-22", **later),
                scheduled("0022600105", "BOS", "CLE", "2026-11-23", **later),
                scheduled("0042600105", "BOS", "CLE", "2026-11-22", **later, ifNecessary=True),
            )
        )
    ]
    coming = source.coming_games(DAY, days=3)
    assert isinstance(coming, Fetched)
    assert coming.frame.schema == pl.Schema(
        {**contracts.SCHEDULE.schema, "game_id": pl.Int64, "tip_off_utc": pl.Datetime("us", "UTC")}
    )
    assert coming.frame.select("season", "game_key", "stage", "game_id", "tip_off_utc").rows() == [
        (2027, "2026-11-21_LAC_CLE", "regular", 22600102, dt.datetime(2026, 11, 21, 23, 30, tzinfo=dt.UTC)),
        (2027, "2026-11-22_ATL_BOS", "regular", 22600103, None),
    ]


def test_no_coming_games_are_absent(service: Service, source: LiveSource) -> None:
    service.script["scheduleleaguev2"] = [reply(schedule_payload(scheduled(FIRST, "ATL", "BOS")))]
    quiet = source.coming_games(dt.date(2026, 11, 25))
    assert isinstance(quiet, Absent)
    assert quiet.is_quiet_day
    service.script["scheduleleaguev2"] = [reply(schedule_payload())]
    unknown = source.coming_games(DAY)
    assert isinstance(unknown, Absent)
    assert unknown.expected_games is None


@pytest.mark.parametrize("module", ["nba_api", "pybreaker"])
def test_a_missing_extra_says_how_to_install_it(
    module: str, source: LiveSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=rf"needs the package {module}; install it with `pip install \.\[live\]`"
    ):
        source.day(DAY)


def test_importing_the_source_needs_no_extra() -> None:
    code = (
        "import sys; import parivision_assets.sources.live as live; live.LiveSource(); "
        "sys.exit(bool({'nba_api', 'pybreaker', 'requests'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [{"base_url": "stats.example"}, {"attempts": 0}, {"min_interval_s": -1}, {"shot_season_types": ("Winter",)}],
)
def test_impossible_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        LiveSettings(**wrong)  # type: ignore[arg-type]
