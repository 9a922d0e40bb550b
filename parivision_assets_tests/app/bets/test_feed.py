"""VirtualBets' feed as its readers meet it: the original addresses, pages, day files; nothing before its day."""

import datetime as dt
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.bets.feed import PROBLEMS
from parivision_assets.core.feed_records import FEED_COLUMNS
from parivision_assets.settings import BetsSettings, LeagueSettings, Settings
from parivision_assets.sources.archives import parse_feed
from parivision_assets.sources.publication import Publication, open_publication
from parivision_assets.stores.home import Home
from parivision_assets_tests.feed_services import feed_service
from parivision_assets_tests.http_service import serving
from parivision_assets_tests.small_platform import platform, publish

STARTS_AFTER = dt.date(2022, 10, 22)


@pytest.fixture(scope="module")
def settings_of_feed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("feed")
    bets = BetsSettings(feed_published_until=STARTS_AFTER)
    return platform(root / "home", publish(root / "published"), bets=bets).settings


@pytest.fixture(scope="module")
def sent(settings_of_feed: Settings) -> Publication:
    return open_publication(settings_of_feed.feed_plan())


@pytest.fixture
def home(settings_of_feed: Settings, tmp_path: Path) -> Home:
    return Home(settings_of_feed.model_copy(update={"home": tmp_path / "home"}))


@pytest.fixture
def client(home: Home) -> TestClient:
    return TestClient(feed_service(home), raise_server_exceptions=False)


@pytest.fixture
def sample(tmp_path: Path) -> TestClient:
    rows = [{**dict.fromkeys(FEED_COLUMNS, "x"), "Game Event ID": str(n), "Game Date": "20120101"} for n in range(10)]
    pl.DataFrame(rows).select(FEED_COLUMNS).write_csv(tmp_path / "sample.csv")
    bets = BetsSettings(feed_url=str(tmp_path / "sample.csv"))
    return TestClient(feed_service(Home(Settings(home=tmp_path / "home", bets=bets))))


def events(client: TestClient, n: int, **consumer: str) -> list[int]:
    answer = client.get(f"/getdata/{n}", params=consumer)
    assert answer.status_code == 200
    return [int(record["Game Event ID"]) for record in answer.json()]


def test_the_original_addresses_answer_as_they_did(sample: TestClient) -> None:
    first = sample.get("/getdata/4")
    assert first.headers["content-type"] == "application/json"
    [record, *_] = first.json()
    assert list(record) == list(FEED_COLUMNS)
    assert {type(value) for value in record.values()} == {str}
    assert events(sample, 4) == [4, 5, 6, 7]
    assert events(sample, 4) == [8, 9]
    assert events(sample, 4) == [0, 1, 2, 3]
    assert sample.get("/getdata/reset").json() == 0
    assert events(sample, 2) == [0, 1]


def test_each_consumer_has_a_cursor_by_name_or_by_address(sample: TestClient) -> None:
    assert events(sample, 3, consumer="ann") == [0, 1, 2]
    assert events(sample, 3, consumer="bob") == [0, 1, 2]
    assert events(sample, 3) == [0, 1, 2]
    by_header = sample.get("/getdata/3", headers={"X-Consumer": "ann"}).json()
    assert [record["Game Event ID"] for record in by_header] == ["3", "4", "5"]
    assert sample.get("/getdata/reset", params={"consumer": "ann"}).json() == 0
    assert events(sample, 1, consumer="ann") == [0]
    assert events(sample, 1, consumer="bob") == [3]
    # A name that looks like an address is no address.
    assert events(sample, 1, consumer="testclient") == [0]
    assert events(sample, 1) == [3]


def test_a_restart_forgets_no_cursor(home: Home) -> None:
    before = TestClient(feed_service(home)).get("/getdata/5").json()
    after = TestClient(feed_service(Home(home.settings))).get("/getdata/5").json()
    assert len({json.dumps(record) for record in before + after}) == 10


@pytest.mark.parametrize("n", ["0", "-1", "10001", "many", "1.5", "9" * 40])
def test_a_count_that_cannot_be_is_said_in_words(client: TestClient, n: str) -> None:
    answer = client.get(f"/getdata/{n}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "n"


def test_readers_at_once_share_out_one_consumers_records(home: Home) -> None:
    with serving(feed_service(home)) as address, httpx.Client(base_url=address) as http, ThreadPoolExecutor(8) as pool:

        def read(_: int) -> list[str]:
            records = http.get("/getdata/25", params={"consumer": "same"}).json()
            return [json.dumps(record) for record in records]

        taken = [record for part in pool.map(read, range(15)) for record in part]
    assert set(Counter(taken).values()) == {1}
    assert len(taken) == 375


def test_nothing_is_sent_before_it_is_published(client: TestClient, home: Home, sent: Publication) -> None:
    before = client.get("/v1/feed/shots", params={"limit": 10_000}).json()
    assert len(before["records"]) == sent.shots_until(None) < sent.shots.height
    assert max(record["Game Date"] for record in before["records"]) <= STARTS_AFTER.strftime("%Y%m%d")
    assert (before["has_more"], before["published_until"]) == (False, str(STARTS_AFTER))
    assert len(client.get("/getdata/10000").json()) == sent.shots_until(None)
    assert client.get("/v1/feed/days").json() == {"published_until": str(STARTS_AFTER), "files": []}
    coming = sent.files(sent.days[0])[0].name
    assert client.get(f"/v1/feed/days/{coming}").status_code == 404
    home.feed_positions.publish(sent.name, sent.days[0])
    after = client.get("/v1/feed/shots", params={"cursor": before["next_cursor"]}).json()
    assert {record["Game Date"] for record in after["records"]} == {sent.days[0].strftime("%Y%m%d")}
    assert len(after["records"]) == sent.shots_until(sent.days[0]) - sent.shots_until(None)
    games = client.get("/v1/feed/games").json()["records"]
    assert len(games) == sent.games_until(sent.days[0])
    assert games[-1]["game_date"] == str(sent.days[0])
    assert client.get(f"/v1/feed/days/{coming}").status_code == 200


@pytest.mark.parametrize("what", ["shots", "games"])
def test_pages_hold_everything_once_and_in_order(client: TestClient, sent: Publication, what: str) -> None:
    whole = client.get(f"/v1/feed/{what}", params={"limit": 10_000}).json()["records"]
    found, cursor, limit = [], None, 1 if what == "games" else 217
    while True:
        page = client.get(f"/v1/feed/{what}", params={"limit": limit, **({"cursor": cursor} if cursor else {})}).json()
        found += page["records"]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert found == whole
    rest = client.get(f"/v1/feed/{what}", params={"cursor": cursor}).json()
    assert (rest["records"], rest["next_cursor"]) == ([], cursor)


@settings(max_examples=80, deadline=None)
@given(cursor=st.text(max_size=60) | st.binary(max_size=40).map(lambda data: data.hex()))
def test_any_other_text_is_no_cursor(sample_of_texts: TestClient, cursor: str) -> None:
    answer = sample_of_texts.get("/v1/feed/shots", params={"cursor": cursor})
    assert answer.status_code == (400 if cursor else 200)
    assert not cursor or answer.json()["type"] == "/problems#wrong-cursor"


@pytest.fixture(scope="module")
def sample_of_texts(settings_of_feed: Settings, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    settings = settings_of_feed.model_copy(update={"home": tmp_path_factory.mktemp("home")})
    return TestClient(feed_service(Home(settings)), raise_server_exceptions=False)


def test_a_cursor_of_another_feed_is_refused(client: TestClient, sample: TestClient) -> None:
    cursor = sample.get("/v1/feed/shots", params={"limit": 1}).json()["next_cursor"]
    answer = client.get("/v1/feed/shots", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems#wrong-cursor")


def test_a_day_is_offered_with_the_digest_of_its_content(client: TestClient, home: Home, sent: Publication) -> None:
    home.feed_positions.publish(sent.name, sent.days[1])
    listed = client.get("/v1/feed/days").json()["files"]
    assert sorted({offer["day"] for offer in listed}) == [str(day) for day in sent.days[:2]]
    for offer in listed:
        file = client.get(f"/v1/feed/days/{offer['name']}")
        assert file.headers["etag"] == f'"{offer["version"]}"'
        assert len(file.content) == offer["size_bytes"]
    [shots] = [offer["name"] for offer in listed if offer["name"] == f"shots.{sent.days[0]}.json"]
    records = parse_feed(client.get(f"/v1/feed/days/{shots}").content, shots)
    assert records.height == sent.shots_until(sent.days[0]) - sent.shots_until(None)


@pytest.mark.parametrize("name", ["shots.2022-10-23.csv", "..%2Fledger.db", "nothing", "a" * 200])
def test_another_files_name_is_not_there(client: TestClient, name: str) -> None:
    assert client.get(f"/v1/feed/days/{name}").status_code == 404


def test_nobody_publishes_over_http(client: TestClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/v1/feed/days").status_code == 405


def test_without_anything_to_send_the_log_says_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty = Settings(home=tmp_path, games_url=str(tmp_path))
    answer = TestClient(feed_service(Home(empty))).get("/getdata/1")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems#feed-unavailable")
    assert "PARIVISION_BETS_FEED_URL" in caplog.text


def test_a_source_that_is_away_tells_visitors_no_address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bets = BetsSettings(feed_url=str(tmp_path / "secret-folder"))
    answer = TestClient(feed_service(Home(Settings(home=tmp_path, bets=bets)))).get("/v1/feed/games")
    assert (answer.status_code, answer.json()["detail"]) == (503, PROBLEMS["feed-unavailable"])
    assert "the feed cannot be sent: " in caplog.text
    assert "secret-folder" not in answer.text


def test_the_synthetic_league_is_sent_where_no_archive_is_configured(tmp_path: Path) -> None:
    league = LeagueSettings(size="small", seasons=2, published_until=dt.date(2022, 11, 15))
    client = TestClient(feed_service(Home(Settings(home=tmp_path, league=league))))
    page = client.get("/v1/feed/shots", params={"limit": 1}).json()
    assert page["published_until"] == "2022-11-15"
    assert page["records"][0]["Player Name"].split()[1] in {"Guard", "Forward", "Center"}


@pytest.mark.real_data
def test_the_original_sample_round_after_round(real_data: Path, tmp_path: Path) -> None:
    bets = BetsSettings(feed_url=str(real_data / "feed"))
    client = TestClient(feed_service(Home(Settings(home=tmp_path, bets=bets))))
    whole = pl.read_csv(real_data / "feed" / "nba_shot_locations_sample.csv", infer_schema=False).to_dicts()
    found = [record for _ in range(3) for record in client.get("/getdata/400").json()]
    assert found == whole
    assert client.get("/getdata/400").json() == whole[:400]
