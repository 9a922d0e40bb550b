import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import contracts
from parivision_assets.core.forecasts import clean_forecasts, join_forecasts
from parivision_assets.core.games import CleanedGames, clean_games, mask_schedule, newest_rows
from parivision_assets_tests.core.game_frames import IDS, archive, games_row, odds_row, read_published


def clean(games: list[dict[str, Any]] | None, odds: list[dict[str, Any]] | None) -> CleanedGames:
    return clean_games(None if games is None else archive(games), None if odds is None else archive(odds, "odds.csv"))


def test_one_game_in_both_archives_becomes_one_row_with_the_market() -> None:
    row = clean([games_row()], [odds_row()]).valid.row(0, named=True)
    assert row["game_key"] == "2016-10-25_NYK_CLE"
    assert (row["season"], row["sources"], row["game_id"]) == (2017, "both", 21600001)
    assert (row["home_pts"], row["away_pts"], row["is_home_win"]) == (117, 88, True)
    assert row["closing_spread_home_pts"] == -9.5
    assert row["closing_home_probability"] == pytest.approx(0.8204, abs=1e-4)


@pytest.mark.parametrize("sources", ["games", "odds"])
def test_either_archive_alone_is_enough(sources: str) -> None:
    cleaned = clean([games_row()], None) if sources == "games" else clean(None, [odds_row()])
    assert cleaned.valid["sources"].to_list() == [sources]
    assert cleaned.valid.schema == contracts.GAMES.schema


def test_no_archive_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="give the games archive, the betting archive or both"):
        clean(None, None)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"betting archive: missing column\(s\) moneyline_home"):
        clean_games(None, archive([odds_row()]).drop("moneyline_home"))


def test_preseason_and_all_star_games_are_excluded_and_counted_whatever_they_hold() -> None:
    rows = [
        games_row(),
        games_row(GAME_ID=11600001, GAME_DATE_EST="2016-10-05", VISITOR_TEAM_ID=12321, PTS_home=float("nan")),
        games_row(GAME_ID=31600001, GAME_DATE_EST="2017-02-19", HOME_TEAM_ID=1610616834),
    ]
    cleaned = clean(rows, None)
    assert cleaned.valid.height == 1
    assert cleaned.quarantined.is_empty()
    assert cleaned.report.counts() == {"exhibition_game": 2}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"GAME_DATE_EST": "25/10/2016"}, "a date as YYYY-MM-DD"),
        ({"GAME_DATE_EST": "2018-10-25"}, "a date within its season"),
        ({"HOME_TEAM_ID": 42}, "a known franchise"),
        ({"VISITOR_TEAM_ID": IDS["CLE"]}, "two different teams"),
        ({"PTS_home": float("nan")}, "a final score of whole points"),
        ({"PTS_away": 1000.0}, "a final score of whole points"),
        ({"PTS_home": 88.0, "HOME_TEAM_WINS": 0}, "no ties"),
        ({"HOME_TEAM_WINS": 0}, "the winner's flag agrees with the score"),
        ({"GAME_ID": 91600001}, "a game number"),
    ],
)
def test_a_broken_row_of_the_games_archive_is_quarantined_with_its_rule(changes: dict[str, Any], rule: str) -> None:
    cleaned = clean([games_row(GAME_ID=21600002, GAME_DATE_EST="2016-10-27"), games_row(**changes)], None)
    assert cleaned.valid.height == 1
    broken = cleaned.quarantined.row(0, named=True)
    assert broken["rule"].startswith(rule)
    column = broken["column"]
    assert broken["message"].startswith(f"games.csv row 2, column {column}: {rule}")
    assert json.loads(broken["raw"])["GAME_STATUS_TEXT"] == "Final"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dates": "2016-10-25"}, "a date as M/D/YYYY"),
        ({"dates": "1/11/2016"}, "a date within its season"),
        ({"home": "clv"}, "a known franchise"),
        ({"score_home": 12}, "a final score of whole points"),
        ({"score_home": 88}, "no ties"),
    ],
)
def test_a_broken_row_of_the_betting_archive_is_quarantined_with_its_rule(changes: dict[str, Any], rule: str) -> None:
    cleaned = clean(None, [odds_row(dates="10/27/2016"), odds_row(**changes)])
    assert cleaned.valid.height == 1
    assert cleaned.quarantined["rule"][0].startswith(rule)
    assert cleaned.quarantined["message"][0].startswith("odds.csv row 2, column ")


def test_the_same_game_with_a_different_score_is_quarantined_every_copy() -> None:
    cleaned = clean(None, [odds_row(), odds_row(score_home=120), odds_row(dates="10/27/2016")])
    assert cleaned.valid.height == 1
    messages = cleaned.quarantined["message"].to_list()
    assert [message[:43] for message in messages] == [
        "odds.csv row 1, column score_home: one scor",
        "odds.csv row 2, column score_home: one scor",
    ]


def test_one_game_number_for_two_games_is_quarantined() -> None:
    cleaned = clean([games_row(), games_row(GAME_DATE_EST="2016-10-29")], None)
    assert cleaned.valid.is_empty()
    assert cleaned.quarantined["column"].to_list() == ["GAME_ID", "GAME_ID"]


def test_an_exact_repeat_is_dropped_and_counted() -> None:
    cleaned = clean([games_row(), games_row()], None)
    assert cleaned.valid.height == 1
    assert cleaned.report.counts() == {"repeated_game": 1}


def test_the_games_archive_wins_when_scores_disagree_even_in_a_tie() -> None:
    games = [games_row(), games_row(GAME_ID=21600002, GAME_DATE_EST="2016-10-27")]
    odds = [odds_row(score_home=116), odds_row(dates="10/27/2016", score_home=88)]
    cleaned = clean(games, odds)
    assert cleaned.valid["home_pts"].to_list() == [117, 117]
    assert cleaned.report.counts() == {"scores_disagree": 1, "tie_resolved": 1}
    assert cleaned.quarantined.is_empty()


def test_a_day_apart_is_one_game_only_when_teams_and_scores_agree() -> None:
    late = games_row(GAME_DATE_EST="2016-10-26")
    merged = clean([late], [odds_row()])
    assert merged.valid["game_date"].to_list() == [dt.date(2016, 10, 26)]
    assert merged.report.counts() == {"dated_a_day_apart": 1}
    assert merged.report.joined_day_apart == 1
    different = clean([late], [odds_row(score_home=118)])
    assert different.valid["sources"].to_list() == ["odds", "games"]


def test_impossible_prices_lose_the_probability_and_keep_the_game() -> None:
    cleaned = clean(None, [odds_row(moneyline_home=-650, moneyline_away=-650)])
    assert cleaned.valid["closing_home_probability"].to_list() == [None]
    assert cleaned.report.counts() == {"impossible_moneylines": 1}


def test_absent_prices_and_impossible_lines_are_noted_and_the_game_is_kept() -> None:
    cleaned = clean(None, [odds_row(moneyline_home=None, total=20.0), odds_row(dates="10/27/2016")])
    assert cleaned.valid["closing_total_pts"].to_list() == [None, 204.0]
    assert cleaned.report.counts() == {"absent_moneylines": 1, "impossible_line": 1}


def test_the_2020_play_in_is_neither_regular_nor_playoffs() -> None:
    row = odds_row(season=2020, dates="8/15/2020", regular=False)
    assert clean(None, [row]).valid["stage"].to_list() == ["play_in"]


def test_the_newest_landed_file_supplies_a_whole_game() -> None:
    season = archive([games_row(), games_row(GAME_ID=21600002, GAME_DATE_EST="2016-10-27")])
    day = archive([games_row(PTS_home=118.0)], "2016-10-25.csv")
    rows = newest_rows([season, day]).sort("GAME_ID")
    assert rows["PTS_home"].to_list() == [118.0, 117.0]
    assert rows["source_file"].to_list() == ["2016-10-25.csv", "games.csv"]
    assert clean_games(rows, None).quarantined.is_empty()


def test_newest_rows_needs_a_landed_file_of_a_known_archive() -> None:
    with pytest.raises(ValueError, match="absent, not empty"):
        newest_rows([])
    with pytest.raises(ValueError, match="neither a games archive"):
        newest_rows([pl.DataFrame({"x": [1]})])


def test_a_schedule_shows_a_week_and_no_result_or_market() -> None:
    days = [f"10/{day}/2016" for day in (24, 25, 31)] + ["11/1/2016"]
    games = clean(None, [odds_row(dates=day) for day in days]).valid
    schedule = mask_schedule(games, dt.date(2016, 10, 25))
    assert schedule["game_date"].to_list() == [dt.date(2016, 10, 25), dt.date(2016, 10, 31)]
    hidden = {"home_pts", "away_pts", "is_home_win", *[name for name in games.columns if name.startswith("closing")]}
    assert not hidden & set(schedule.columns)
    with pytest.raises(ValueError, match="at least one day"):
        mask_schedule(games, dt.date(2016, 10, 25), days=0)


@settings(deadline=None, max_examples=50)
@given(home=st.integers(30, 250), away=st.integers(30, 250), shift=st.integers(-3, 3), odds_home=st.integers(30, 250))
def test_no_row_is_lost_whatever_two_archives_say(home: int, away: int, shift: int, odds_home: int) -> None:
    games = games_row(PTS_home=float(home), PTS_away=float(away), HOME_TEAM_WINS=int(home > away))
    date = dt.date(2016, 10, 25) + dt.timedelta(days=shift)
    odds = odds_row(dates=f"{date.month}/{date.day}/{date.year}", score_home=odds_home, score_away=away)
    cleaned = clean([games], [odds])
    both = (cleaned.valid["sources"] == "both").sum()
    assert cleaned.valid.height + both + cleaned.quarantined.height == 2
    assert (cleaned.valid["home_pts"] != cleaned.valid["away_pts"]).all()
    assert cleaned.valid.filter(pl.any_horizontal(contracts.GAMES.broken_rules().values())).is_empty()


@settings(deadline=None, max_examples=50)
@given(text=st.text(max_size=12))
def test_any_text_for_a_date_is_read_or_quarantined(text: str) -> None:
    cleaned = clean([games_row(GAME_DATE_EST=text)], [odds_row(dates=text)])
    assert cleaned.valid.height + cleaned.quarantined.height == 2


@pytest.fixture(scope="module")
def published(real_data: Path) -> dict[str, pl.DataFrame]:
    return {
        "games": read_published(real_data / "games" / "games.csv"),
        "odds": read_published(real_data / "odds" / "nba_2008-2020.csv"),
        "forecasts": read_published(real_data / "forecasts" / "fivethirtyeight_nba_2016-2020.csv"),
    }


@pytest.mark.real_data
def test_every_defect_of_the_real_archives_is_handled_and_counted(published: dict[str, pl.DataFrame]) -> None:
    cleaned = clean_games(published["games"], published["odds"])
    report = cleaned.report
    assert (report.games_rows, report.odds_rows) == (23_096, 16_664)
    assert (report.joined_same_date, report.joined_day_apart) == (16_411, 10)
    assert (report.games_only, report.odds_only) == (5_213, 243)
    assert (report.valid, report.quarantined) == (21_877, 0)
    assert report.counts() == {
        "dated_a_day_apart": 10,
        "exhibition_game": 1_462,
        "favourites_disagree": 199,
        "impossible_moneylines": 10,
        "scores_disagree": 11,
        "tie_resolved": 1,
    }
    tie = cleaned.valid.filter(pl.col("game_key") == "2012-12-26_NYK_PHX").row(0, named=True)
    assert (tie["home_pts"], tie["away_pts"]) == (97, 99)
    late = cleaned.valid.filter((pl.col("game_date") == dt.date(2007, 12, 25)) & (pl.col("sources") == "both"))
    assert late.height >= 3
    assert cleaned.valid["game_key"].is_unique().all()
    assert cleaned.valid.filter(pl.any_horizontal(contracts.GAMES.broken_rules().values())).is_empty()
    by_season = report.counts_by_season().filter(rule="scores_disagree")
    assert dict(by_season.select("season", "rows").iter_rows())[2014] == 2


@pytest.mark.real_data
def test_without_the_games_archive_the_tie_cannot_stand(published: dict[str, pl.DataFrame]) -> None:
    cleaned = clean_games(None, published["odds"])
    assert (cleaned.report.valid, cleaned.report.quarantined) == (16_663, 1)
    assert cleaned.quarantined["message"].item() == (
        "nba_2008-2020.csv row 6746, column score_home: no ties; found 95. Land the games archive of that season, "
        "whose score decides, or correct the row"
    )


@pytest.mark.real_data
def test_one_season_gives_the_rows_that_all_seasons_give(published: dict[str, pl.DataFrame]) -> None:
    whole = clean_games(published["games"], published["odds"]).valid.filter(season=2016)
    one = clean_games(published["games"].filter(SEASON=2015), published["odds"].filter(season=2016)).valid
    assert one.equals(whole)


@pytest.mark.real_data
def test_every_published_forecast_joins_a_game(published: dict[str, pl.DataFrame]) -> None:
    forecasts = clean_forecasts(published["forecasts"])
    assert (forecasts.valid.height, forecasts.quarantined.height) == (6_392, 0)
    games = clean_games(None, published["odds"]).valid
    joined = join_forecasts(games, forecasts.valid)
    assert joined["published_home_probability"].count() == 6_392
    assert joined.height == games.height
