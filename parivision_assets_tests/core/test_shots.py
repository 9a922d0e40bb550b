import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core import contracts
from parivision_assets.core.row_rules import QUARANTINE_SCHEMA
from parivision_assets.core.shot_rules import SHOT_RULES
from parivision_assets.core.shots import clean_shots, drop_duplicates
from parivision_assets.sources.archives import parse_shots
from parivision_assets_tests.core.shot_frames import changed, game, numbered

# season: rows, duplicates, quarantined (threes under 21 ft, twos from 25 ft), same second, without a position group
COUNTS = {
    2004: (189_803, 15, 3, 3, 1002, 0),
    2005: (197_626, 14, 11, 4, 1084, 0),
    2006: (194_314, 15, 6, 7, 1112, 0),
    2007: (196_072, 18, 7, 3, 1120, 0),
    2008: (200_501, 11, 23, 7, 1174, 0),
    2009: (199_030, 19, 19, 7, 1215, 0),
    2010: (200_966, 11, 0, 0, 1280, 0),
    2011: (199_761, 0, 0, 0, 1368, 0),
    2012: (161_205, 0, 0, 0, 1187, 0),
    2013: (201_579, 0, 0, 0, 1364, 399),
    2014: (204_126, 1, 0, 0, 1386, 364),
    2015: (205_550, 0, 2, 0, 1360, 114),
    2016: (207_893, 0, 0, 0, 1785, 0),
    2017: (209_929, 0, 0, 1, 1795, 0),
    2018: (211_707, 14, 6, 0, 1279, 484),
    2020: (188_116, 16, 0, 0, 952, 857),
    2021: (190_983, 12, 0, 0, 902, 1244),
}
TESTED_SEASONS = (2005, 2018, 2020, 2021)
THREES, TWOS = "a three must be from 21 ft or more", "a two must be from under 25 ft"


def test_a_clean_game_keeps_the_whole_contract():
    cleaned = clean_shots(game())
    assert cleaned.valid.schema == contracts.SHOTS.schema
    assert cleaned.valid.height == 120
    assert cleaned.quarantined.schema == QUARANTINE_SCHEMA
    broken = cleaned.valid.select(rule.any().alias(name) for name, rule in contracts.SHOTS.broken_rules().items())
    assert not any(broken.row(0))


def test_teams_opponents_and_sides():
    valid = clean_shots(game(home="BOS", away="LAL")).valid
    found = valid.select("team", "opponent", "is_home").unique().sort("team").rows()
    assert found == [("BOS", "LAL", True), ("LAL", "BOS", False)]
    boston = pl.col("TEAM_NAME") == "Boston Celtics"
    old = game().with_columns(
        HOME_TEAM=pl.lit("SEA"),
        TEAM_ID=pl.when(boston).then(1610612760).otherwise(pl.col("TEAM_ID")),
        TEAM_NAME=pl.col("TEAM_NAME").replace("Boston Celtics", "Seattle SuperSonics"),
    )
    assert clean_shots(old).valid["team"].unique().sort().to_list() == ["LAL", "OKC"]


def test_an_unknown_number_is_read_from_the_name():
    renumbered = game().with_columns(TEAM_ID=pl.lit(None, pl.Int64))
    assert clean_shots(renumbered).valid.height == 120


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("SEASON_1", None, "season must be a year"),
        ("SEASON_1", 2**40, "season must be a year"),
        ("GAME_DATE", "2010-11-03", "date must be MM-DD-YYYY"),
        ("GAME_DATE", "13-01-2010", "date must be MM-DD-YYYY"),
        ("GAME_DATE", "11-03-2012", "date must lie in the row's season"),
        ("GAME_DATE", "11-04-2010", "row must share its game's date and teams"),
        ("GAME_ID", 0, "game number must be positive"),
        ("PLAYER_ID", None, "player number must be positive"),
        ("PLAYER_NAME", None, "PLAYER_NAME must be present"),
        ("TEAM_NAME", "Miami Heat", "team number and name must agree"),
        ("TEAM_ID", 1610612748, "team number and name must agree"),
        ("HOME_TEAM", "XYZ", "home team must be known"),
        ("AWAY_TEAM", "BOS", "away team must be known"),
        ("HOME_TEAM", "MIA", "row must share its game's date and teams"),
        ("QUARTER", 0, "period must be 1 to 14"),
        ("QUARTER", 15, "period must be 1 to 14"),
        ("QUARTER", None, "period must be 1 to 14"),
        ("MINS_LEFT", 13, "minutes left must be 0 to 12"),
        ("SECS_LEFT", 60, "seconds left must be 0 to 59"),
        ("SHOT_MADE", None, "SHOT_MADE must be present"),
        ("EVENT_TYPE", "Blocked", "event must be Made Shot or Missed Shot"),
        ("EVENT_TYPE", "Missed Shot", "event type must agree with SHOT_MADE"),
        ("SHOT_TYPE", "4PT Field Goal", "SHOT_TYPE must be one of the declared labels"),
        ("BASIC_ZONE", "Parking lot", "BASIC_ZONE must be one of the declared labels"),
        ("SHOT_DISTANCE", -1, "distance must be 0 to 95 ft"),
        ("LOC_X", 25.5, "spot must lie on the court (x)"),
        ("LOC_Y", 94.5, "spot must lie on the court (y)"),
        ("LOC_Y", float("nan"), "spot must lie on the court (y)"),
    ],
)
def test_each_row_rule_names_file_row_column_and_value(column, value, rule):
    row = game().filter(pl.col("SHOT_MADE") & (pl.col("TEAM_NAME") == "Boston Celtics"))["source_row"][2]
    cleaned = clean_shots(changed(game(), row, **{column: value}))
    assert cleaned.valid.height == 119
    (found,) = cleaned.quarantined.iter_rows(named=True)
    assert (found["source_row"], found["rule"]) == (row, rule)
    for part in (f"NBA_2011_Shots.csv row {row}", f"column {found['column']}", rule):
        assert part in found["message"]


def test_a_clock_beyond_overtime_is_refused():
    cleaned = clean_shots(changed(game(), 5, QUARTER=5, MINS_LEFT=6))
    assert cleaned.quarantined["rule"].to_list() == ["clock must fit in the period"]


def test_the_points_must_fit_the_distance_unless_a_person_says_otherwise():
    near = game().filter(pl.col("SHOT_DISTANCE") == 7)["source_row"][0]
    frame = changed(game(), near, SHOT_TYPE="3PT Field Goal")
    assert clean_shots(frame).quarantined["rule"].to_list() == [THREES]
    assert clean_shots(frame, released=[THREES]).valid.height == 120
    with pytest.raises(ValueError, match="cannot release period must be 1 to 14; rules that can be released"):
        clean_shots(frame, released=["period must be 1 to 14"])


def test_exact_duplicates_are_dropped_and_near_duplicates_kept():
    frame = numbered(pl.concat([game(), game()[[4, 4, 9]], changed(game(), 12, ACTION_TYPE="Dunk Shot")[[11]]]))
    report = clean_shots(frame).report
    assert (report.rows, report.duplicates_dropped, report.valid) == (124, 3, 121)
    assert drop_duplicates(frame)["source_row"].to_list() == [*range(1, 121), 124]


def test_a_missing_column_is_named_and_positions_are_optional():
    with pytest.raises(ValueError, match=r"shots: missing column\(s\) LOC_X, QUARTER"):
        clean_shots(game().drop("LOC_X", "QUARTER"))
    cleaned = clean_shots(game().drop("POSITION", "POSITION_GROUP"))
    assert cleaned.report.without_position == 120
    assert clean_shots(game().with_columns(POSITION_GROUP=pl.lit("NA"))).valid["position_group"].null_count() == 120


def test_an_empty_frame_gives_empty_tables():
    cleaned = clean_shots(game().clear())
    assert cleaned.valid.schema == contracts.SHOTS.schema
    assert (cleaned.valid.height, cleaned.quarantined.height, cleaned.report.rows) == (0, 0, 0)


def test_shots_are_numbered_by_quarter_and_falling_clock():
    valid = clean_shots(game().sample(fraction=1, shuffle=True, seed=3)).valid
    assert valid["shot_number"].to_list() == list(range(1, 121))
    order = valid.select(pl.col("quarter").cast(pl.Int32) * 1000 - pl.col("clock_s")).to_series()
    assert order.is_sorted()


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_of_one_second_knows_nothing_of_outcomes(random):
    tied = game().with_columns(MINS_LEFT=pl.lit(3, pl.Int64), SECS_LEFT=pl.lit(0, pl.Int64))
    made = [random.random() < 0.5 for _ in range(120)]
    event = ["Made Shot" if flag else "Missed Shot" for flag in made]
    other = tied.with_columns(SHOT_MADE=pl.Series(made), EVENT_TYPE=pl.Series(event))
    columns = ["shot_number", "player_id", "x_ft", "y_ft"]
    assert clean_shots(tied).valid.select(columns).equals(clean_shots(other).valid.select(columns))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whatever_one_row_holds_every_row_is_valid_or_quarantined(data):
    column = data.draw(st.sampled_from([name for name in game().columns if not name.startswith("source_")]))
    kinds = {
        pl.Int64: st.integers(-(2**62), 2**62), pl.String: st.text(max_size=12), pl.Float64: st.floats(),
        pl.Boolean: st.booleans(),
    }  # fmt: skip
    value = data.draw(st.none() | kinds[game().schema[column].base_type()])
    row = data.draw(st.integers(1, 120))
    cleaned = clean_shots(changed(game(), row, **{column: value}))
    assert cleaned.valid.height + cleaned.quarantined.height == 120
    assert set(cleaned.quarantined["source_row"]) <= {row}
    broken = cleaned.valid.select(rule.any().alias(name) for name, rule in contracts.SHOTS.broken_rules().items())
    assert not any(broken.row(0))


def test_rules_have_distinct_names():
    names = [rule.name for rule in SHOT_RULES]
    assert len(names) == len(set(names))


@pytest.mark.real_data
@pytest.mark.parametrize("season", TESTED_SEASONS)
def test_published_seasons_have_these_counts(real_data, season):
    name = f"NBA_{season}_Shots.csv.zip"
    cleaned = clean_shots(parse_shots((real_data / "shots" / name).read_bytes(), name))
    report = cleaned.report
    rows, duplicates, threes, twos, same_second, without_position = COUNTS[season]
    assert (report.rows, report.duplicates_dropped) == (rows, duplicates)
    refused = {name: count for name, count in ((THREES, threes), (TWOS, twos)) if count}
    assert report.quarantined_by_rule == refused
    valid = rows - duplicates - threes - twos
    repair = "double_conversion_undone" if season in {2020, 2021} else "mirror_undone"
    assert report.repairs == {repair: valid}
    assert (report.same_second, report.without_position) == (same_second, without_position)
    assert not report.evidence_published.is_sound
    assert (report.evidence_repaired.distance_share, report.evidence_repaired.side_share) == (1.0, 1.0)
    if season == 2021:
        assert (report.renumbered_games, report.renumbered) == (5, 873)
        assert cleaned.valid["game_id"].n_unique() == 1080
    else:
        assert report.renumbered == 0
    spots = [(spot.x_ft, spot.y_ft, spot.leaks) for spot in report.default_spots]
    assert spots == {2005: [(0, 0, False)], 2018: [(0, -0.6, False)], 2020: [(0, -0.6, False)]}.get(
        season, [(0, 0, False)]
    )


def test_a_shot_without_a_position_has_the_one_that_its_player_had_before():
    days = [(21_000_001, "11-03-2010", "G"), (21_000_002, "11-05-2010", None), (21_000_003, "11-07-2010", "F")]
    games = pl.concat(
        game(game_id=number).with_columns(GAME_DATE=pl.lit(date), POSITION_GROUP=pl.lit(position, pl.String))
        for number, date, position in days
    )
    valid = clean_shots(numbered(games)).valid
    found = valid.select("game_id", "position_group").unique().sort("game_id")["position_group"].to_list()
    assert found == ["G", "G", "F"]
    later = clean_shots(numbered(games.filter(pl.col("GAME_ID") > 21_000_001))).valid
    assert later.filter(pl.col("game_id") == 21_000_002)["position_group"].null_count() == 120
