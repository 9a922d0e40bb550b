"""What VirtualBets sends: a season in order, each coming day as files that land, and the sample as it is."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.feed_plan import FeedPlan
from parivision_assets.core.feed_records import FEED_COLUMNS, convert_feed
from parivision_assets.core.league import LeagueConfig
from parivision_assets.core.shots import clean_shots
from parivision_assets.sources.archives import Dataset, SourceAbsentError, parse, recognise
from parivision_assets.sources.publication import HeldBack, Place, Publication, held_back, open_publication
from parivision_assets.sources.synthetic import LeaguePaths
from parivision_assets_tests.small_platform import CONFIG, publish

STARTS_AFTER = dt.date(2022, 10, 22)
SAMPLE = [
    dict.fromkeys(FEED_COLUMNS, "7") | {"Game Event ID": str(number), "Game Date": date}
    for number, date in enumerate(("20120101", "20000208", "20070301"))
]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> LeaguePaths:
    return publish(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def season(published: LeaguePaths) -> Publication:
    urls = {"shots": str(published.shots), "games": str(published.games), "odds": str(published.odds)}
    return open_publication(FeedPlan(urls=urls, published_until=STARTS_AFTER))


def test_a_feed_is_named_without_being_read(season: Publication, published: LeaguePaths, tmp_path: Path) -> None:
    urls = {"shots": str(published.shots), "games": str(published.games), "odds": str(published.odds)}
    assert held_back(FeedPlan(urls=urls, published_until=STARTS_AFTER)) == HeldBack(season.name, STARTS_AFTER)
    assert held_back(FeedPlan(urls=urls)) is None
    league = FeedPlan(CONFIG, published_until=STARTS_AFTER)
    assert held_back(league) == HeldBack(open_publication(league).name, STARTS_AFTER)
    pl.DataFrame(SAMPLE).select(FEED_COLUMNS).write_csv(tmp_path / "sample.csv")
    assert held_back(FeedPlan(urls={"shots": str(tmp_path / "sample.csv")}, published_until=STARTS_AFTER)) is None
    with pytest.raises(SourceAbsentError, match="PARIVISION_BETS_FEED_URL"):
        held_back(FeedPlan(published_until=STARTS_AFTER))


def test_the_newest_season_is_sent_in_the_order_of_dates_and_of_the_game(season: Publication) -> None:
    assert season.season == 2023
    assert season.shots.columns == list(FEED_COLUMNS)
    assert season.shot_days.is_sorted()
    numbers = season.shots.select(
        pl.col("Game Date").cast(pl.String), *(pl.col(name).cast(pl.String).cast(pl.Int64) for name in
        ("Game ID", "Period", "Minutes Remaining", "Seconds Remaining")),
    )  # fmt: skip
    in_order = numbers.sort(numbers.columns, descending=[False, False, False, True, True])
    assert numbers.equals(in_order)
    assert season.games["game_date"].is_sorted()


def test_it_is_the_season_that_was_published(season: Publication, published: LeaguePaths) -> None:
    name = "NBA_2023_Shots.csv.zip"
    direct = clean_shots(parse(Dataset.SHOTS, (published.shots / name).read_bytes(), name)).valid
    records = season.shots.cast(pl.String).with_columns(
        source_file=pl.lit("feed"), source_row=pl.int_range(1, pl.len() + 1)
    )
    sent = clean_shots(convert_feed(records).rows).valid
    same = ["game_id", "player_id", "quarter", "clock_s", "x_ft", "y_ft", "is_made", "action_type", "zone", "game_date"]
    assert sent.select(same).sort(same).equals(direct.select(same).sort(same))


def test_only_days_after_the_start_come_one_by_one(season: Publication) -> None:
    assert season.days
    assert season.days == sorted(season.days)
    assert min(season.days) > STARTS_AFTER
    whole = season.shots_until(season.days[-1])
    assert whole == season.shots.height
    counts = [season.shots_until(day) for day in (None, *season.days)]
    assert counts == sorted(counts)
    assert 0 < counts[0] < whole
    # A position from before the start takes nothing back.
    assert season.shots_until(dt.date(2000, 1, 1)) == counts[0]
    assert season.games_until(season.days[-1]) == season.games.height


def test_a_days_files_are_what_the_platform_lands(season: Publication) -> None:
    day = season.days[0]
    files = {recognise(file.data, file.name): file for file in season.files(day)}
    assert set(files) == {Dataset.FEED, Dataset.GAMES, Dataset.ODDS}
    assert all(str(day) in file.name for file in files.values())
    records = json.loads(files[Dataset.FEED].data)
    assert {record["Game Date"] for record in records} == {day.strftime("%Y%m%d")}
    assert len(records) == season.shots_until(day) - season.shots_until(None)
    assert {type(value) for record in records for value in record.values()} == {str}
    assert season.files(day)[0].version == season.files(day)[0].version
    assert season.files(dt.date(2022, 7, 1)) == []


def test_the_league_itself_is_sent_without_files() -> None:
    config = LeagueConfig(**{**vars(CONFIG), "published_until": STARTS_AFTER})
    sent = open_publication(FeedPlan(league=config, published_until=config.published_until))
    assert sent.season == 2023
    assert sent.days
    other = open_publication(FeedPlan(league=LeagueConfig(**{**vars(config), "seed": 6}), season=2022))
    assert other.name != sent.name
    assert (other.season, other.days) == (2022, [])


def test_the_sample_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "sample.csv"
    pl.DataFrame(SAMPLE).select(FEED_COLUMNS).write_csv(file)
    sent = open_publication(FeedPlan(urls={"shots": str(file)}))
    assert json.loads(sent.shots.write_json()) == SAMPLE
    assert sent.shots_until(None) == 3
    assert sent.games.is_empty()
    assert sent.days == []


def test_where_there_is_nothing_to_send_it_says_so(published: LeaguePaths) -> None:
    with pytest.raises(SourceAbsentError, match="PARIVISION_BETS_FEED_URL"):
        open_publication(FeedPlan())
    with pytest.raises(SourceAbsentError, match=r"no shots of season 1999.*2022, 2023"):
        open_publication(FeedPlan(urls={"shots": str(published.shots)}, season=1999))


DAYS = st.lists(st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 9)), max_size=20).map(sorted)


@settings(max_examples=100, deadline=None)
@given(before=DAYS, added=DAYS)
def test_a_place_stays_where_it_is_when_days_are_added(before: list[dt.date], added: list[dt.date]) -> None:
    days = pl.Series(before, dtype=pl.Date)
    for index in range(days.len() + 1):
        place = Place.of(days, index)
        assert place.index(days) == index
        later = [day for day in added if day > place.day]
        grown = pl.Series(sorted([*before, *later]), dtype=pl.Date)
        assert place.index(grown) == index


@pytest.mark.real_data
def test_the_original_sample_is_sent_record_by_record(real_data: Path) -> None:
    sent = open_publication(FeedPlan(urls={"shots": str(real_data / "feed")}))
    rows = pl.read_csv(real_data / "feed" / "nba_shot_locations_sample.csv", infer_schema=False)
    assert json.loads(sent.shots.write_json()) == rows.to_dicts()


@pytest.mark.real_data
def test_a_twice_converted_season_is_sent_as_it_was_recorded(real_data: Path) -> None:
    sent = open_publication(FeedPlan(urls={"shots": str(real_data / "shots")}, season=2021))
    left = sent.shots.filter(pl.col("Shot Zone Area").cast(pl.String) == "Left Side(L)")
    x, distance = (left[name].cast(pl.String).cast(pl.Int64) for name in ("X Location", "Shot Distance"))
    assert (x < 0).all()
    y = left["Y Location"].cast(pl.String).cast(pl.Int64)
    assert (((x**2 + y**2).sqrt() / 10 - distance).abs() <= 1).all()
