"""The client against a real socket: answers good, slow, failing, empty, malformed and cut off."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from nba_api.stats.library.http import NBAStatsHTTP

from parivision_assets.sources.live import (
    CircuitOpenError,
    LiveFormatError,
    LiveSettings,
    LiveUnavailableError,
    Receipt,
)
from parivision_assets.sources.live.transport import StatsClient
from parivision_assets_tests.sources.live.conftest import FakeTime
from parivision_assets_tests.sources.live.service import Reply, Service, reply

ENDPOINT = "shotchartdetail"
GOOD = {"resultSets": []}
Make = Callable[..., StatsClient]


@pytest.fixture
def make(settings: LiveSettings, time: FakeTime) -> Iterator[Make]:
    clients = []

    def build(chance: float = 1.0, **changes: object) -> StatsClient:
        kept: dict[str, object] = {"keep": changes.pop("keep", None)}
        client = StatsClient(replace(settings, **changes), time.clock(chance), **kept)  # type: ignore[arg-type]
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()


def test_a_good_answer_comes_with_a_receipt_of_its_bytes(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply('{"name": "Żółty Guard 01"}'.encode(), headers={"Content-Type": "text/plain"})]
    kept: list[tuple[Receipt, bytes]] = []
    answer = make(keep=lambda receipt, body: kept.append((receipt, body))).ask(
        ENDPOINT, {"Season": "2026-27", "Month": 0}
    )
    sent = service.asked[0]
    assert answer.payload["name"] == "Żółty Guard 01"
    assert sent.parameters == {"Season": "2026-27", "Month": "0"}
    assert "stats.nba.com" not in sent.headers["Host"]
    assert "br" not in sent.headers["Accept-Encoding"].replace(" ", "").split(",")
    [(receipt, body)] = kept
    assert receipt == answer.receipt
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (receipt.sha256, receipt.size_bytes)
    assert json.loads(body) == answer.payload
    assert receipt.url.startswith(service.url)


def test_the_package_itself_is_left_as_it_was(service: Service, make: Make) -> None:
    before = (NBAStatsHTTP.base_url, dict(NBAStatsHTTP.headers), NBAStatsHTTP._session)
    service.script[ENDPOINT] = [reply(GOOD)]
    make().ask(ENDPOINT, {})
    assert (NBAStatsHTTP.base_url, dict(NBAStatsHTTP.headers), NBAStatsHTTP._session) == before


def test_the_public_service_is_asked_by_its_own_host_name() -> None:
    client = StatsClient(LiveSettings(), FakeTime().clock())
    assert client._http.base_url == NBAStatsHTTP.base_url
    assert client._http.headers["Host"] == NBAStatsHTTP.headers["Host"]


def test_a_moved_endpoint_is_followed(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(b"", 301, {"Location": f"{service.url}/elsewhere"})]
    service.script["elsewhere"] = [reply(GOOD)]
    assert make().ask(ENDPOINT, {}).payload == GOOD


def test_a_compressed_answer_is_read(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(gzip.compress(json.dumps(GOOD).encode()), headers={"Content-Encoding": "gzip"})]
    assert make().ask(ENDPOINT, {}).payload == GOOD


BAD_ONCE = {
    "500": (Reply(b"{}", 500), "HTTP status 500"),
    "429": (Reply(b"", 429), "HTTP status 429"),
    "503": (Reply(b"", 503), "HTTP status 503"),
    "empty": (Reply(b""), "an empty body"),
    "blank": (Reply(b" \n"), "an empty body"),
    "html": (Reply(b"<!DOCTYPE html><title>Access Denied</title>"), "HTML or XML page"),
    "malformed": (Reply(b'{"resultSets": [}'), "malformed or truncated JSON of 17 characters"),
    "truncated": (Reply(json.dumps(GOOD).encode()[:-3]), "malformed or truncated JSON"),
    "cut off": (Reply(json.dumps(GOOD).encode(), missing_bytes=50), "cut off"),
    "message": (reply({"Message": "An error has occurred."}), "only the message 'An error has occurred.'"),
    "not text": (Reply(b'{"a": "\xff\xfe"}'), "not UTF-8"),
    "broken gzip": (Reply(b"no gzip", headers={"Content-Encoding": "gzip"}), "cut off (DecodeError)"),
    "silence": (Reply(b"{}", is_silent=True), "no answer within 0.2 s"),
    "no body": (Reply(b"{}", hangs_after=0), "stalled for 0.2 s"),
    "stalls": (Reply(json.dumps(GOOD).encode(), hangs_after=5), "stalled for 0.2 s"),
}


@pytest.mark.parametrize("bad", BAD_ONCE)
def test_a_passing_failure_is_asked_again(bad: str, service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [BAD_ONCE[bad][0], reply(GOOD)]
    assert make().ask(ENDPOINT, {}).payload == GOOD
    assert service.count(ENDPOINT) == 2
    assert time.slept_s == [2.0]


@pytest.mark.parametrize("bad", BAD_ONCE)
def test_a_lasting_failure_is_named_plainly(bad: str, service: Service, make: Make) -> None:
    answer, problem = BAD_ONCE[bad]
    service.script[ENDPOINT] = [answer]
    with pytest.raises(LiveUnavailableError) as caught:
        make(attempts=2).ask(ENDPOINT, {})
    message = str(caught.value)
    assert service.count(ENDPOINT) == 2
    assert f"endpoint {ENDPOINT}" in message
    assert problem in message
    assert "(2 attempts). Next: run again later; what was landed before stays" in message


def test_no_server_at_all_is_named_plainly(make: Make, service: Service) -> None:
    client = make(attempts=1, base_url="http://127.0.0.1:9")
    with pytest.raises(LiveUnavailableError, match=r"no connection .*ConnectionError.* \(1 attempt\)"):
        client.ask(ENDPOINT, {})


@pytest.mark.parametrize(("status", "advice"), [(403, "another network"), (401, "another network"), (404, "base_url")])
def test_a_refusal_is_not_asked_again(status: int, advice: str, service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(b"", status)]
    with pytest.raises(LiveUnavailableError, match=f"HTTP status {status}.*Next: .*{advice}"):
        make().ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 1


def test_json_of_another_shape_is_not_asked_again(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [reply([1, 2])]
    with pytest.raises(LiveFormatError, match="the JSON is a list, not an object"):
        make().ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 1


@pytest.mark.parametrize(("chance", "waits"), [(1.0, [2.0, 4.0, 5.0]), (0.0, [1.0, 2.0, 2.5])])
def test_waits_double_up_to_the_limit_with_jitter(
    chance: float, waits: list[float], service: Service, make: Make, time: FakeTime
) -> None:
    service.script[ENDPOINT] = [Reply(b"", 500)]
    with pytest.raises(LiveUnavailableError):
        make(chance, backoff_max_s=5).ask(ENDPOINT, {})
    assert time.slept_s == waits


def test_the_wait_the_service_asks_for_is_kept(service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [Reply(b"", 429, {"Retry-After": "17"}), reply(GOOD)]
    make().ask(ENDPOINT, {})
    assert time.slept_s == [17.0]


def test_a_wait_beyond_patience_ends_the_question(service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [Reply(b"", 429, {"Retry-After": "3600"}), reply(GOOD)]
    with pytest.raises(LiveUnavailableError, match="HTTP status 429"):
        make().ask(ENDPOINT, {})
    assert (service.count(ENDPOINT), time.slept_s) == (1, [])


def test_dripping_bytes_are_given_up_on(service: Service, make: Make, time: FakeTime) -> None:
    time.tick_s = 61
    service.script[ENDPOINT] = [Reply(json.dumps({"resultSets": ["x" * 300_000]}).encode())]
    with pytest.raises(LiveUnavailableError, match="not complete after 120 s"):
        make(attempts=1).ask(ENDPOINT, {})


def test_an_endless_answer_is_refused(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(json.dumps({"resultSets": ["x" * 300_000]}).encode())]
    with pytest.raises(LiveUnavailableError, match=r"larger than 1000 bytes.*Next: ask for less"):
        make(max_answer_bytes=1000).ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 1


def test_requests_keep_a_polite_distance(service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [reply(GOOD)]
    service.script["other"] = [reply(GOOD)]
    client = make(min_interval_s=1.5)
    for endpoint in (ENDPOINT, "other", ENDPOINT):
        client.ask(endpoint, {})
    assert time.slept_s == [1.5, 1.5]


def fail(client: StatsClient, times: int) -> None:
    for _ in range(times):
        with pytest.raises(LiveUnavailableError, match="HTTP status 500") as caught:
            client.ask(ENDPOINT, {})
        assert not isinstance(caught.value, CircuitOpenError)


def test_the_breaker_opens_and_only_for_its_endpoint(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(b"", 500)]
    service.script["other"] = [reply(GOOD)]
    client = make(attempts=1, breaker_failures=3)
    fail(client, 3)
    with pytest.raises(
        CircuitOpenError, match=r"not asked, because it failed 3 times in a row, last: HTTP status 500.*wait 300 s"
    ):
        client.ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 3
    assert client.ask("other", {}).payload == GOOD


def test_the_breaker_also_ends_the_retries_of_one_question(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [Reply(b"", 500)]
    with pytest.raises(CircuitOpenError):
        make(attempts=10, breaker_failures=4).ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 4


def test_the_breaker_closes_after_one_good_trial(service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [Reply(b"", 500)] * 3 + [reply(GOOD), Reply(b"", 500), Reply(b"", 500), reply(GOOD)]
    client = make(attempts=1, breaker_failures=3)
    fail(client, 3)
    time.sleep(299)
    with pytest.raises(CircuitOpenError):
        client.ask(ENDPOINT, {})
    time.sleep(2)
    assert client.ask(ENDPOINT, {}).payload == GOOD
    fail(client, 2)
    assert client.ask(ENDPOINT, {}).payload == GOOD


def test_a_failed_trial_opens_the_breaker_again(service: Service, make: Make, time: FakeTime) -> None:
    service.script[ENDPOINT] = [Reply(b"", 500)]
    client = make(attempts=1, breaker_failures=3)
    fail(client, 3)
    time.sleep(301)
    with pytest.raises(LiveUnavailableError, match="HTTP status 500"):
        client.ask(ENDPOINT, {})
    with pytest.raises(CircuitOpenError):
        client.ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 4


def test_a_format_error_does_not_open_the_breaker(service: Service, make: Make) -> None:
    service.script[ENDPOINT] = [reply([])]
    client = make(breaker_failures=1)
    for _ in range(3):
        with pytest.raises(LiveFormatError):
            client.ask(ENDPOINT, {})
    assert service.count(ENDPOINT) == 3
