import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import feed_records
from parivision_assets.core.feed_records import (
    FEED_COLUMNS,
    WHOLE_NUMBERS,
    convert_feed,
    in_feed_convention,
    to_feed_records,
)
from parivision_assets.core.shots import COLUMNS, clean_shots
from parivision_assets.sources.archives import parse_feed, parse_shots
from parivision_assets_tests.core.shot_frames import numbered

RECORD = dict(
    zip(
        FEED_COLUMNS,
        ("29900683", "68", "1889", "Player 1", "1610612739", "Cleveland Cavaliers", "1", "3", "57", "Jump Shot",
         "2PT Field Goal", "Mid-Range", "Left Side Center(LC)", "16-24 ft.", "17", "-96", "145", "0", "20000208", "HOU",
         "CLE", "Regular Season"),
        strict=True,
    )
)  # fmt: skip


def records(*changes: dict[str, object]) -> pl.DataFrame:
    rows = [{**RECORD, **change} for change in changes or ({},)]
    return numbered(pl.DataFrame(rows, schema=dict.fromkeys(FEED_COLUMNS, pl.String)), "feed.json")


def test_a_record_becomes_an_archive_row():
    (row,) = convert_feed(records()).rows.iter_rows(named=True)
    assert tuple(row)[:26] == COLUMNS
    assert (row["SEASON_1"], row["SEASON_2"], row["GAME_DATE"]) == (2000, "1999-00", "02-08-2000")
    assert (row["LOC_X"], row["LOC_Y"], row["SHOT_DISTANCE"]) == (pytest.approx(9.6), pytest.approx(19.75), 17)
    assert (row["ZONE_NAME"], row["ZONE_ABB"]) == ("Left Side Center", "LC")
    assert (row["SHOT_MADE"], row["EVENT_TYPE"]) == (False, "Missed Shot")


def test_it_cleans_to_the_left():
    (shot,) = clean_shots(convert_feed(records()).rows).valid.iter_rows(named=True)
    assert (shot["x_ft"], shot["y_ft"]) == (pytest.approx(-9.6), pytest.approx(14.5))
    assert (shot["team"], shot["opponent"], shot["is_home"], shot["clock_s"]) == ("CLE", "HOU", False, 237)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("Game Date", "2000-02-08", "date must be YYYYMMDD"),
        ("Game Date", "20000230", "date must be YYYYMMDD"),
        ("Shot Made Flag", "yes", "made flag must be 0 or 1"),
        ("Shot Made Flag", None, "made flag must be 0 or 1"),
        ("X Location", "9.6", "X Location must be a whole number"),
        ("Period", "", "Period must be a whole number"),
        ("Shot Zone Area", "Left", "area must be a name with its letters, like Center(C)"),
    ],
)
def test_a_malformed_value_is_quarantined_with_its_name(column, value, rule):
    converted = convert_feed(records({}, {column: value}, {}))
    assert converted.rows["source_row"].to_list() == [1, 3]
    (found,) = converted.quarantined.iter_rows(named=True)
    assert (found["rule"], found["column"], found["source_row"]) == (rule, column, 2)
    assert f"feed.json row 2, column {column}" in found["message"]


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match=r"feed: missing column.*Period"):
        convert_feed(records().drop("Period"))


@pytest.mark.parametrize(("number", "season"), [(29_700_001, 1998), (29_900_683, 2000), (20_000_001, 2001),
                                                (22_000_001, 2021), (41_500_407, 2016)])  # fmt: skip
def test_the_season_is_in_the_game_number(number, season):
    assert pl.DataFrame({"n": [number]}).select(feed_records.season_of_game(pl.col("n"))).item() == season


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(FEED_COLUMNS), st.none() | st.text(max_size=10), max_size=4))
def test_any_strings_become_typed_rows_or_quarantine(change):
    converted = convert_feed(records(change))
    assert converted.rows.height + converted.quarantined.height == 1
    numbers = [name for name in ("GAME_ID", "QUARTER", "SHOT_DISTANCE", "LOC_X", "PLAYER_ID") if converted.rows.height]
    assert all(converted.rows[name].null_count() == 0 for name in numbers)
    cleaned = clean_shots(converted.rows)
    assert cleaned.valid.height + cleaned.quarantined.height == converted.rows.height


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(WHOLE_NUMBERS), st.integers(-(10**9), 10**9))
def test_whole_numbers_survive(column, value):
    assert convert_feed(records({column: str(value)})).rows.height == 1


@pytest.mark.real_data
def test_the_sample_is_clean(real_data):
    name = "nba_shot_locations_sample.csv"
    converted = convert_feed(parse_feed((real_data / "feed" / name).read_bytes(), name))
    assert (converted.rows.height, converted.quarantined.height) == (1000, 0)
    cleaned = clean_shots(converted.rows)
    assert (cleaned.valid.height, cleaned.report.repairs) == (1000, {"mirror_undone": 1000})
    assert cleaned.report.evidence_repaired.is_sound
    assert cleaned.valid["is_made"].sum() == 417


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=12)
SHOTS = st.fixed_dictionaries(
    {
        "Game ID": st.integers(20_000_000, 49_999_999).filter(lambda number: number // 10_000_000 != 3),
        "Player ID": st.integers(1, 10**7),
        "Player Name": WORDS,
        "Team ID": st.integers(0, 10**10 - 1),
        "Period": st.integers(1, 9),
        "Minutes Remaining": st.integers(0, 11),
        "Seconds Remaining": st.integers(0, 59),
        "Action Type": WORDS,
        "Shot Zone Area": st.sampled_from(("Center(C)", "Left Side(L)", "Right Side Center(RC)", "Back Court(BC)")),
        "Shot Distance": st.integers(0, 94),
        "X Location": st.integers(-250, 250),
        "Y Location": st.integers(-52, 890),
        "Shot Made Flag": st.integers(0, 1),
        "Game Date": st.dates(dt.date(1996, 1, 1), dt.date(2045, 1, 1)).map(lambda day: day.strftime("%Y%m%d")),
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(SHOTS, min_size=1, max_size=6))
def test_records_become_rows_and_records_again(shots):
    kinds = {"2": "Regular Season", "4": "Playoffs"}
    sent = records(
        *({**{name: str(value) for name, value in shot.items()}, "Season Type": kinds[str(shot["Game ID"])[0]]}
          for shot in shots)
    )  # fmt: skip
    again = to_feed_records(convert_feed(sent).rows)
    assert again.columns == list(FEED_COLUMNS)
    # The archive keeps no event number: the feed's is the shot's place in its game.
    assert again.drop("Game Event ID").equals(sent.select(FEED_COLUMNS).drop("Game Event ID"))


def test_events_are_numbered_in_the_order_of_the_game():
    late = {"Period": "2", "Minutes Remaining": "11", "Seconds Remaining": "59"}
    early = {"Minutes Remaining": "3", "Seconds Remaining": "58"}
    sent = records(late, {}, early, {"Game ID": "29900684"})
    assert to_feed_records(convert_feed(sent).rows)["Game Event ID"].to_list() == ["3", "2", "1", "1"]


def test_what_is_null_in_the_archive_is_empty_in_the_feed():
    rows = convert_feed(records()).rows.with_columns(
        PLAYER_NAME=pl.lit(None, pl.String), LOC_X=pl.lit(None, pl.Float64)
    )
    (record,) = to_feed_records(rows).iter_rows(named=True)
    assert (record["X Location"], record["Y Location"]) == ("", "145")


def test_a_missing_archive_column_is_named():
    with pytest.raises(ValueError, match=r"shots: missing column.*LOC_X"):
        to_feed_records(convert_feed(records()).rows.drop("LOC_X"))


def test_a_game_that_no_repair_explains_stays_as_published():
    rows = convert_feed(records(*[{}] * 40)).rows
    frozen = rows.with_columns(LOC_X=pl.lit(3.0))
    assert in_feed_convention(frozen).equals(frozen)


@pytest.mark.real_data
@pytest.mark.parametrize(("season", "repair"), [(2010, "mirror_undone"), (2021, "double_conversion_undone")])
def test_a_season_through_the_feed_is_the_same_season(real_data, season, repair):
    name = f"NBA_{season}_Shots.csv.zip"
    rows = parse_shots((real_data / "shots" / name).read_bytes(), name)
    sent = to_feed_records(in_feed_convention(rows))
    received = clean_shots(convert_feed(numbered(sent, "feed.json")).rows)
    direct = clean_shots(rows)
    assert direct.report.repairs == {repair: direct.valid.height}
    assert received.report.repairs == {"mirror_undone": direct.valid.height}
    # What a feed record does not hold: the position; and how a row was repaired is no part of the shot.
    same = direct.valid.drop("position_group", "coordinate_repair")
    assert received.valid.select(same.columns).equals(same)
