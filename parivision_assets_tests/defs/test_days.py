import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.core.feed_records import FEED_COLUMNS
from parivision_assets.defs.days import land_day
from parivision_assets.settings import Settings
from parivision_assets.sources.archives import SourceAbsentError, SourceFormatError, parse_shots
from parivision_assets.sources.live import Absent, Fetched, Harvest
from parivision_assets.stores.home import Home

DAY = dt.date(2012, 1, 1)
RECORD = {
    "Game ID": "21100057", "Game Event ID": "307", "Player ID": "7", "Player Name": "WAS Guard 07",
    "Team ID": "1610612764", "Team Name": "Washington Wizards", "Period": "3", "Minutes Remaining": "9",
    "Seconds Remaining": "31", "Action Type": "Layup Shot", "Shot Type": "2PT Field Goal",
    "Shot Zone Basic": "Restricted Area", "Shot Zone Area": "Center(C)", "Shot Zone Range": "Less Than 8 ft.",
    "Shot Distance": "1", "X Location": "13", "Y Location": "6", "Shot Made Flag": "0", "Game Date": "20120101",
    "Home Team": "WAS", "Away Team": "BOS", "Season Type": "Regular Season",
}  # fmt: skip


def home(tmp_path: Path) -> Home:
    return Home(Settings(home=tmp_path / "home", seasons="2012", shots_url=str(tmp_path)))


def feed_file(tmp_path: Path, **changes: str) -> str:
    path = tmp_path / "feed.csv"
    pl.DataFrame([{**RECORD, **changes}], schema=dict.fromkeys(FEED_COLUMNS, pl.String)).write_csv(path)
    return str(path)


def test_feed_records_become_a_day_file_of_shots(tmp_path: Path) -> None:
    kept = home(tmp_path)
    landed = land_day(kept, DAY, feed_file(tmp_path))
    assert [(day.dataset, day.season, day.rows) for day in landed] == [("shots", 2012, 1)]
    [entry] = kept.landing.objects("shots", "2012")
    assert entry.day == DAY
    row = parse_shots(kept.landing.read(entry), "day.csv").row(0, named=True)
    assert (row["GAME_ID"], row["GAME_DATE"], row["SHOT_MADE"]) == (21100057, "01-01-2012", False)


def test_a_feed_record_of_another_day_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(SourceFormatError, match=r"row 1: every row of a day file must be of 2012-01-01"):
        land_day(home(tmp_path), DAY, feed_file(tmp_path, **{"Game Date": "20120102"}))


def test_a_malformed_feed_record_is_refused_and_nothing_lands(tmp_path: Path) -> None:
    kept = home(tmp_path)
    with pytest.raises(SourceFormatError, match="Period"):
        land_day(kept, DAY, feed_file(tmp_path, Period="third"))
    assert kept.landing.objects("shots", "2012") == []


class Service:
    """The live source with its answers given; the real one over a real socket is tested with the source."""

    def __init__(self, harvest: Harvest) -> None:
        self.harvest = harvest

    def day(self, _date: dt.date) -> Harvest:
        return self.harvest


def nothing(dataset: str) -> Absent:
    return Absent(dataset, f"no {dataset} on that day", "Choose a day with games", 0)


def test_a_live_day_lands_what_was_fetched(tmp_path: Path) -> None:
    kept = home(tmp_path)
    land_day(kept, DAY, feed_file(tmp_path))
    [entry] = kept.landing.objects("shots", "2012")
    rows = parse_shots(kept.landing.read(entry), "day.csv")
    other = home(tmp_path / "other")
    landed = land_day(other, DAY, "live", live=Service(Harvest(nothing("games"), Fetched(rows), ())))  # type: ignore[arg-type]
    assert [(day.dataset, day.rows) for day in landed] == [("shots", 1)]


def test_a_live_day_without_games_is_absent_in_words(tmp_path: Path) -> None:
    quiet = Service(Harvest(nothing("games"), nothing("shots"), ()))
    with pytest.raises(SourceAbsentError, match=r"no games on that day\. Choose a day with games"):
        land_day(home(tmp_path), DAY, "live", live=quiet)  # type: ignore[arg-type]
