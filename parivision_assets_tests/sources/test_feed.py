"""The feed over HTTP: what is offered is read whole or not at all, and what goes wrong is said in words."""

import datetime as dt
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from parivision_assets.sources.archives import SourceError, SourceFormatError, SourceUnavailableError
from parivision_assets.sources.feed import DAYS, FolderFeed, HttpFeed, open_feed

CONTENT = b'[{"Game ID": "1"}]'
NAME = "shots.2024-04-02.json"


@dataclass
class Service:
    """What the service answers by path: status, body, and how many bytes of it are really sent."""

    answers: dict[str, tuple[int, bytes, int | None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    busy_for: int = 0

    def offer(self, content: bytes = CONTENT, name: str = NAME, version: str | None = None) -> None:
        file = {"name": name, "day": "2024-04-02", "version": version or sha256(content).hexdigest()}
        self.answers[DAYS] = (200, json.dumps({"published_until": "2024-04-02", "files": [file]}).encode(), None)
        self.answers[f"{DAYS}/{name}"] = (200, content, None)


@contextmanager
def running(service: Service) -> Iterator[HttpFeed]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            service.asked.append(self.path)
            status, body, sent = service.answers.get(self.path, (404, b"{}", None))
            if service.busy_for:
                service.busy_for -= 1
                status, body, sent = 503, b'{"detail": "starting"}', None
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield HttpFeed(f"http://127.0.0.1:{server.server_port}/", first_wait_s=0.01, timeout_s=5)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_offers_are_read_by_name() -> None:
    service = Service()
    service.offer()
    with running(service) as feed:
        [offer] = feed.offers()
        assert (offer.name, offer.day, offer.version) == (NAME, dt.date(2024, 4, 2), sha256(CONTENT).hexdigest())
        assert feed.read(offer) == CONTENT
    assert service.asked == [DAYS, f"{DAYS}/{NAME}"]


def test_a_service_that_is_starting_is_asked_again() -> None:
    service = Service(busy_for=2)
    service.offer()
    with running(service) as feed:
        assert [offer.name for offer in feed.offers()] == [NAME]
    assert service.asked == [DAYS] * 3


def test_a_service_that_stays_busy_is_said_with_its_words() -> None:
    with (
        running(Service(busy_for=9)) as feed,
        pytest.raises(SourceUnavailableError, match=r"503.*starting.*asked again"),
    ):
        feed.offers()


def test_a_service_that_is_down_is_said_with_what_to_do() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        feed = HttpFeed(f"http://127.0.0.1:{free.getsockname()[1]}", first_wait_s=0.01)
        with pytest.raises(SourceUnavailableError, match="Start VirtualBets or correct PARIVISION_FEED_URL"):
            feed.offers()


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999", "http://[::1", "https://exa mple"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(SourceError, match=r"feed/days"):
        HttpFeed(url, attempts=1).offers()


@pytest.mark.parametrize("sent", [0, 5, len(CONTENT) - 1])
def test_a_truncated_answer_is_not_returned(sent: int) -> None:
    service = Service()
    service.offer()
    service.answers[f"{DAYS}/{NAME}"] = (200, CONTENT, sent)
    with running(service) as feed:
        [offer] = feed.offers()
        with pytest.raises(SourceUnavailableError, match=r"does not answer"):
            feed.read(offer)


def test_content_that_was_not_offered_is_not_returned() -> None:
    service = Service()
    service.offer()
    service.answers[f"{DAYS}/{NAME}"] = (200, CONTENT[:-3], None)
    with running(service) as feed:
        [offer] = feed.offers()
        with pytest.raises(SourceUnavailableError, match=r"is not what was offered \(15 bytes\)"):
            feed.read(offer)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"files": 3}', b'{"files": [{"name": "a"}]}', b"null", b"\xff"])
def test_an_answer_of_another_form_is_said(body: bytes) -> None:
    with (
        running(Service({DAYS: (200, body, None)})) as feed,
        pytest.raises(SourceFormatError, match="list of day files in JSON"),
    ):
        feed.offers()


def test_another_service_at_the_address_is_said_at_once() -> None:
    service = Service()
    with running(service) as feed, pytest.raises(SourceUnavailableError, match="answered 404"):
        feed.offers()
    assert service.asked == [DAYS]


def test_a_service_cannot_send_us_elsewhere() -> None:
    service = Service({DAYS: (302, b"", None)})
    with running(service) as feed, pytest.raises(SourceUnavailableError, match="answered 302"):
        feed.offers()
    service = Service()
    service.offer(name="../../private")
    with running(service) as feed:
        [offer] = feed.offers()
        assert offer.url == f"{feed.url.rstrip('/')}{DAYS}/..%2F..%2Fprivate"


def test_the_address_chooses_the_feed() -> None:
    assert open_feed("http://127.0.0.1:8800") == HttpFeed("http://127.0.0.1:8800")
    assert open_feed("https://example.org") == HttpFeed("https://example.org")
    assert open_feed("/data/days") == FolderFeed("/data/days")
    assert open_feed("s3://bucket/days") == FolderFeed("s3://bucket/days")
