"""The feed sensor: each day file lands once, in date order, whatever is remembered; bad ones are said in words."""

import datetime as dt
import os
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from fastapi import Response

from app.bets.feed import Desk
from parivision_assets.core.feed_records import FEED_COLUMNS
from parivision_assets.definitions import build_definitions
from parivision_assets.defs import feed as feed_module
from parivision_assets.defs.feed import feed_sensor
from parivision_assets.settings import BetsSettings, Settings
from parivision_assets.sources.archives import SourceUnavailableError, parse_shots
from parivision_assets.sources.feed import FolderFeed, Offer
from parivision_assets.sources.live import published_csv
from parivision_assets.sources.publication import Publication, open_publication
from parivision_assets.stores.home import Home
from parivision_assets_tests.defs.test_days import RECORD
from parivision_assets_tests.feed_services import feed_service
from parivision_assets_tests.http_service import serving
from parivision_assets_tests.small_platform import platform, publish

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")
STOPPED = dg.DefaultSensorStatus.STOPPED


@dataclass
class Watch:
    """A feed sensor with its home, its cursor, and the run keys that Dagster would know."""

    home: Home
    folder: Path
    sensor: dg.SensorDefinition = field(default_factory=lambda: feed_sensor(None, STOPPED))
    cursor: str | None = None
    launched: list[tuple[str, str]] = field(default_factory=list)
    skipped: str | None = None

    def tick(self, *, killed: bool = False) -> list[tuple[str, str]]:
        """Evaluate once; a killed tick neither launches nor remembers. Return (run key, season) launched."""
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(instance, self.cursor, resources={"home": self.home})
            found = self.sensor(context)
        if killed:
            return []
        if isinstance(found, dg.SkipReason):
            self.skipped = found.skip_message
            return []
        self.cursor = found.cursor
        requested = [(str(request.run_key), str(request.partition_key)) for request in found.run_requests or []]
        new = [item for item in requested if item not in self.launched]
        self.launched += new
        self.skipped = found.skip_reason.skip_message if found.skip_reason else None
        return new

    def offer(self, day: str, **changes: str) -> Path:
        path = self.folder / f"shots.{day}.csv"
        record = {**RECORD, "Game Date": day.replace("-", ""), **changes}
        pl.DataFrame([record], schema=dict.fromkeys(FEED_COLUMNS, pl.String)).write_csv(path)
        return path

    def landed(self) -> list[str]:
        return [str(entry.day) for entry in self.home.landing.objects("shots", "2012")]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    folder = tmp_path / "feed"
    folder.mkdir()
    settings = Settings(home=tmp_path / "home", seasons="2012", shots_url=str(tmp_path), feed_url=str(folder))
    return Watch(Home(settings), folder)


def test_without_a_folder_it_says_so(watch: Watch, tmp_path: Path) -> None:
    watch.home = Home(Settings(home=tmp_path / "home", shots_url=str(tmp_path)))
    assert watch.tick() == []
    assert "PARIVISION_FEED_URL is not set" in str(watch.skipped)


def test_a_folder_that_is_not_there_is_said_and_seen_when_it_comes(watch: Watch) -> None:
    watch.folder.rmdir()
    watch.tick()
    assert "is not there" in str(watch.skipped)
    watch.folder.mkdir()
    watch.offer("2012-01-01")
    assert len(watch.tick()) == 1


def test_days_land_once_in_the_order_of_dates(watch: Watch) -> None:
    for day in ("2012-01-03", "2012-01-01", "2012-01-02"):
        watch.offer(day)
    first = watch.tick()
    assert [key.split("/")[0] for key, _ in first] == ["2012-01-01", "2012-01-02", "2012-01-03"]
    assert {season for _, season in first} == {"2012"}
    assert watch.landed() == ["2012-01-01", "2012-01-02", "2012-01-03"]
    assert watch.tick() == []
    assert "no new day file" in str(watch.skipped)


def test_a_corrected_file_lands_again_and_a_touched_one_does_not(watch: Watch) -> None:
    path = watch.offer("2012-01-01")
    [first] = watch.tick()
    os.utime(path, (1, 1))
    assert watch.tick() == []
    watch.offer("2012-01-01", **{"Shot Made Flag": "1"})
    [second] = watch.tick()
    assert second[0] != first[0]
    assert watch.landed() == ["2012-01-01"] * 2


def test_a_lost_cursor_repeats_nothing(watch: Watch) -> None:
    watch.offer("2012-01-01")
    watch.offer("2012-01-02")
    watch.tick()
    watch.cursor = None
    assert watch.tick() == []
    assert watch.landed() == ["2012-01-01", "2012-01-02"]


def test_a_tick_killed_after_landing_loses_no_run(watch: Watch) -> None:
    watch.offer("2012-01-01")
    watch.tick(killed=True)
    assert watch.landed() == ["2012-01-01"]
    assert len(watch.tick()) == 1
    assert watch.landed() == ["2012-01-01"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("shots.2012-01-01.csv", "a,b\n1,2\n", "belongs to no known dataset"),
        ("shots.2012-01-01.csv", "", "0 bytes"),
        ("shots.2012-02-31.csv", "a\n", "name holds its date"),
        ("notes.csv", "a\n", "name holds its date"),
        ("forecasts.2012-01-01.csv", "season,date,team1,team2,prob1,prob1_outcome,prob2,prob2_outcome\n",
         "do not come by the day"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_words_and_stops_no_later_day(
    watch: Watch, name: str, content: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    (watch.folder / name).write_text(content)
    watch.offer("2012-01-02")
    [(key, _)] = watch.tick()
    assert key.startswith("2012-01-02")
    said = [record for record in caplog.records if record.name == "parivision.alerts"]
    assert len(said) == 1
    assert words in said[0].getMessage()
    assert name in said[0].getMessage()
    watch.tick()
    assert len([record for record in caplog.records if record.name == "parivision.alerts"]) == 1


def test_a_row_of_another_day_is_refused_and_the_corrected_file_lands(watch: Watch) -> None:
    watch.offer("2012-01-01", **{"Game Date": "20120102"})
    assert watch.tick() == []
    assert "every row of a day file must be of 2012-01-01" in str(watch.skipped)
    assert watch.landed() == []
    watch.offer("2012-01-01")
    assert len(watch.tick()) == 1


def test_a_season_that_is_not_configured_is_refused(watch: Watch) -> None:
    watch.offer("2019-01-01", **{"Game ID": "21800057"})
    assert watch.tick() == []
    assert "season 2019, which is not configured" in str(watch.skipped)


def test_many_days_come_in_several_ticks(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "DAYS_A_TICK", 2)
    for day in range(1, 6):
        watch.offer(f"2012-01-0{day}")
    assert [len(watch.tick()) for _ in range(4)] == [2, 2, 1, 0]
    assert watch.landed() == [f"2012-01-0{day}" for day in range(1, 6)]


@dataclass
class Service:
    """A feed that is no folder; it has no versions, and may fail to answer."""

    folder: FolderFeed
    answers: bool = True

    def offers(self) -> list[Offer]:
        return [Offer(offer.name, f"service:{offer.name}", "") for offer in self.folder.offers()]

    def read(self, offer: Offer) -> bytes:
        if not self.answers:
            raise SourceUnavailableError(f"{offer.url} does not answer. Try again later")
        return self.folder.read(Offer(offer.name, f"{self.folder.url}/{offer.name}", ""))


def test_another_source_stands_behind_the_same_sensor_and_silence_is_no_refusal(watch: Watch) -> None:
    service = Service(FolderFeed(str(watch.folder)), answers=False)
    watch.sensor = feed_sensor(service, STOPPED)
    watch.offer("2012-01-01")
    assert watch.tick() == []
    assert "does not answer" in str(watch.skipped)
    service.answers = True
    assert len(watch.tick()) == 1
    assert watch.tick() == []


def test_it_starts_the_daily_job_with_the_seasons_partition(watch: Watch) -> None:
    definitions = build_definitions(watch.home.settings)
    assert definitions.resolve_sensor_def("feed_sensor").job_name == "daily"
    job = definitions.resolve_job_def("daily")
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys() == ["2012"]


@pytest.fixture
def virtual_bets(watch: Watch, tmp_path: Path) -> Publication:
    """What VirtualBets sends to the platform of `watch`: the newest season of four teams from 2022-10-22 on."""
    bets = BetsSettings(feed_published_until=dt.date(2022, 10, 22))
    settings = platform(tmp_path / "home", publish(tmp_path / "published"), bets=bets).settings
    watch.home = Home(settings)
    return open_publication(settings.feed_plan())


def test_a_day_published_at_virtualbets_lands_once(watch: Watch, virtual_bets: Publication) -> None:
    first, second = virtual_bets.days[:2]
    with serving(feed_service(watch.home)) as address:
        watch.home = Home(watch.home.settings.model_copy(update={"feed_url": address}))
        assert watch.tick() == []
        assert "no new day file" in str(watch.skipped)
        watch.home.feed_positions.publish(virtual_bets.name, first)
        assert [(key.split("/")[0], season) for key, season in watch.tick()] == [(str(first), "2023")]
        assert watch.tick() == []
        watch.cursor = None
        assert watch.tick() == []
        watch.home.feed_positions.publish(virtual_bets.name, second)
        assert [key.split("/")[0] for key, _ in watch.tick()] == [str(second)]
    landed = [entry for name in ("shots", "games", "odds") for entry in watch.home.landing.objects(name, "2023")]
    assert sorted((entry.dataset, entry.day) for entry in landed) == [
        (name, day) for name in ("games", "odds", "shots") for day in (first, second)
    ]


def test_a_day_corrected_at_virtualbets_lands_again(watch: Watch, virtual_bets: Publication, tmp_path: Path) -> None:
    day = virtual_bets.days[0]
    watch.home.feed_positions.publish(virtual_bets.name, day)
    settings = watch.home.settings
    port = 0
    for corrected, landings in ((False, 1), (True, 2)):
        if corrected:
            name = "NBA_2023_Shots.csv.zip"
            path = tmp_path / "published" / "shots" / name
            rows = parse_shots(path.read_bytes(), name)
            path.unlink()
            flipped = rows.with_columns(SHOT_MADE=~pl.col("SHOT_MADE"))
            path.with_name("NBA_2023_Shots.csv").write_bytes(published_csv(flipped))
        with serving(feed_service(Home(settings)), port) as address:
            port = int(address.rsplit(":", 1)[1])
            watch.home = Home(settings.model_copy(update={"feed_url": address}))
            assert len(watch.tick()) == 1
            assert watch.tick() == []
            assert len(watch.home.landing.objects("shots", "2023")) == landings
            assert len(watch.home.landing.objects("games", "2023")) == 1


def test_virtualbets_away_or_cutting_answers_loses_nothing(
    watch: Watch, virtual_bets: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.home.feed_positions.publish(virtual_bets.name, virtual_bets.days[0])
    with serving(feed_service(watch.home)) as address:
        settings = watch.home.settings.model_copy(update={"feed_url": address})
    watch.home = Home(settings)
    assert watch.tick() == []
    assert "Start VirtualBets" in str(watch.skipped)
    port = int(address.rsplit(":", 1)[1])
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "day_file", lambda _self, name: Response(f'[{{"Game ID": "{name}'))
        with serving(feed_service(watch.home), port):
            assert watch.tick() == []
            assert "is not what was offered" in str(watch.skipped)
            assert watch.home.landing.objects("shots", "2023") == []
    with serving(feed_service(watch.home), port):
        assert len(watch.tick()) == 1
        assert len(watch.home.landing.objects("shots", "2023")) == 1
