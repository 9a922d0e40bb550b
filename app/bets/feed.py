"""VirtualBets' feed over HTTP: the original addresses, the versioned ones, and the day files that the platform lands.

What is sent is `sources.publication`, how far it is published and read `stores.feed_positions`. Nothing here publishes:
that is the publisher's hand (`parivision feed`), not a visitor's.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field, create_model

from app.bets.published import Published
from app.problems import Problem, responses
from parivision_assets.core.feed_records import FEED_COLUMNS
from parivision_assets.sources.publication import DayFile, Place
from parivision_assets.sources.published import SourceError
from parivision_assets.stores.atomic import StoreError

MAX_RECORDS = 10_000
"""Records in one answer: about 5 MB of JSON."""
PAGE_RECORDS = 1_000
PROBLEMS = {
    "feed-unavailable": "The feed has nothing to send, or its positions cannot be kept. Who runs the service finds "
    "the reason in its log; ask again later.",
    "wrong-cursor": "The cursor was not given by this feed. Ask without a cursor to start from the beginning.",
    "no-such-day-file": "No such day file is on offer. /v1/feed/days lists those that are.",
}
"""The feed's own kinds of problem, for the service's catalogue."""
_log = logging.getLogger("parivision.bets")

_EXAMPLE = {
    "Game ID": "21100057", "Game Event ID": "307", "Player ID": "201580", "Player Name": "A player",
    "Team ID": "1610612764", "Team Name": "Washington Wizards", "Period": "3", "Minutes Remaining": "9",
    "Seconds Remaining": "31", "Action Type": "Layup Shot", "Shot Type": "2PT Field Goal",
    "Shot Zone Basic": "Restricted Area", "Shot Zone Area": "Center(C)", "Shot Zone Range": "Less Than 8 ft.",
    "Shot Distance": "1", "X Location": "13", "Y Location": "6", "Shot Made Flag": "0", "Game Date": "20120101",
    "Home Team": "WAS", "Away Team": "BOS", "Season Type": "Regular Season",
}  # fmt: skip
_fields: dict[str, Any] = {
    name.lower().replace(" ", "_"): (str, Field(alias=name, examples=[_EXAMPLE[name]])) for name in FEED_COLUMNS
}
FeedRecord = create_model("FeedRecord", __doc__="One shot: the feed's 22 fields, all strings.", **_fields)


class FeedGame(BaseModel):
    """A game that was played."""

    game_key: str = Field(examples=["2024-04-02_SAC_DAL"], description="Date, away team, home team")
    season: int = Field(examples=[2024], description="Year in which the season ends")
    game_date: dt.date
    stage: str = Field(examples=["regular"])
    home_team: str = Field(examples=["DAL"])
    away_team: str = Field(examples=["SAC"])
    home_pts: int = Field(examples=[112])
    away_pts: int = Field(examples=[104])


class _Page(BaseModel):
    next_cursor: str = Field(description="Send it to go on; at the end it gives what is published later")
    has_more: bool = Field(description="Whether more is published already")
    published_until: dt.date | None = Field(description="Newest day that is published; null: the whole feed is")


class ShotPage(_Page):
    """Published shots in the order of dates."""

    records: list[FeedRecord]  # type: ignore[valid-type]


class GamePage(_Page):
    """Published games in the order of dates."""

    records: list[FeedGame]


class DayOffer(BaseModel):
    """One day file."""

    name: str = Field(examples=["shots.2024-04-02.json"])
    day: dt.date
    version: str = Field(description="sha256 of the content: it changes when a day is corrected")
    size_bytes: int


class DayOffers(BaseModel):
    """The day files that are published."""

    published_until: dt.date | None
    files: list[DayOffer]


Consumer = Annotated[
    str | None,
    Query(max_length=200, description="Your name: each has a cursor of its own. Without one, your address counts"),
]
ConsumerHeader = Annotated[str | None, Header(max_length=200, description="The same, as a header")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before; none: the start")]
Limit = Annotated[int, Query(ge=1, le=MAX_RECORDS, description="Records in a page, at most")]


@dataclass
class Desk:
    """What is answered to each address, from one feed."""

    feed: Published
    _offers: dict[dt.date, list[DayOffer]] = field(default_factory=dict)

    def records(
        self,
        request: Request,
        n: Annotated[int, Path(ge=1, le=MAX_RECORDS, description="How many records")],
        consumer: Consumer = None,
        x_consumer: ConsumerHeader = None,
    ) -> Response:
        """Return your next `n` records. At the end the remainder comes, and your cursor is back at the beginning."""
        with _in_words():
            sent = self.feed.publication
            available = sent.shots_until(self.feed.until())
            taken = self.feed.home.feed_positions.take(sent.name, _reader(request, consumer, x_consumer), n, available)
            return _json(sent.shots.slice(taken.start, len(taken)).write_json())

    def reset(self, request: Request, consumer: Consumer = None, x_consumer: ConsumerHeader = None) -> Response:
        """Put your cursor back at the beginning; the answer is 0."""
        with _in_words():
            self.feed.home.feed_positions.reset(self.feed.publication.name, _reader(request, consumer, x_consumer))
            return _json("0")

    def shots(self, cursor: Cursor = None, limit: Limit = PAGE_RECORDS) -> Response:
        """Return published shots, oldest first. The cursor stays valid as days are added and corrected."""
        with _in_words():
            sent, until = self.feed.publication, self.feed.until()
            return _page(sent.name, sent.shots, sent.shot_days, sent.shots_until(until), until, cursor, limit)

    def games(self, cursor: Cursor = None, limit: Limit = PAGE_RECORDS) -> Response:
        """Return the results of published games, oldest first."""
        with _in_words():
            sent, until = self.feed.publication, self.feed.until()
            days = sent.games["game_date"]
            return _page(sent.name, sent.games, days, sent.games_until(until), until, cursor, limit)

    def days(self) -> DayOffers:
        """Return the files of the days that came since the feed started, as the platform lands them."""
        with _in_words():
            until = self.feed.until()
            offers = [offer for day in self._published_days(until) for offer in self._offers_of(day)]
            return DayOffers(published_until=until, files=offers)

    def day_file(
        self, name: Annotated[str, Path(max_length=200, description="A name that /v1/feed/days lists")]
    ) -> Response:
        """Return a day file's content: shots as feed records in JSON, games and odds as their archives' csv."""
        with _in_words():
            for day in self._published_days(self.feed.until()):
                if any(offer.name == name for offer in self._offers_of(day)):
                    file = next(file for file in self.feed.publication.files(day) if file.name == name)
                    kind = "application/json" if name.endswith(".json") else "text/csv; charset=utf-8"
                    return Response(file.data, media_type=kind, headers={"ETag": f'"{file.version}"'})
        detail = f"{name} is not on offer. /v1/feed/days lists the day files that are."
        raise Problem(404, "no-such-day-file", "There is no such day file", detail)

    def _published_days(self, until: dt.date | None) -> list[dt.date]:
        return [day for day in self.feed.publication.days if until is not None and day <= until]

    def _offers_of(self, day: dt.date) -> list[DayOffer]:
        if day not in self._offers:
            self._offers[day] = [_offer(file) for file in self.feed.publication.files(day)]
        return self._offers[day]


def feed_router(feed: Published) -> APIRouter:
    """Return the feed's addresses; `PROBLEMS` belongs in the service's catalogue."""
    desk, router = Desk(feed), APIRouter(tags=["feed"])
    away = {503: "The feed has nothing to send"}
    routes: list[tuple[str, Any, Any, dict[int, str]]] = [
        ("/getdata/reset", desk.reset, int, away),
        ("/getdata/{n}", desk.records, list[FeedRecord], away),  # type: ignore[valid-type]
        ("/v1/feed/shots", desk.shots, ShotPage, {**away, 400: "The cursor is none of this feed's"}),
        ("/v1/feed/games", desk.games, GamePage, {**away, 400: "The cursor is none of this feed's"}),
        ("/v1/feed/days", desk.days, DayOffers, away),
    ]
    for path, answer, model, problems in routes:
        router.add_api_route(path, answer, methods=["GET"], response_model=model, responses=responses(problems))
    router.add_api_route(
        "/v1/feed/days/{name}",
        desk.day_file,
        methods=["GET"],
        response_class=Response,
        responses={
            200: {"content": {"application/json": {}, "text/csv": {}}, "description": "The file"},
            **responses({**away, 404: "There is no such day file"}),
        },
    )
    return router


def _reader(request: Request, consumer: str | None, header: str | None) -> str:
    """Return who asks; a name is no address, whatever it says."""
    name = consumer or header
    return f"name {name}" if name else f"address {request.client.host if request.client else ''}"


def _page(
    feed: str,
    records: pl.DataFrame,
    days: pl.Series,
    available: int,
    until: dt.date | None,
    cursor: str | None,
    limit: int,
) -> Response:
    published = days.head(available)
    start = _place(feed, cursor).index(published) if cursor else 0
    stop = min(start + limit, available)
    rows = records.slice(start, stop - start)
    written = rows.with_columns(pl.col(pl.Date).dt.to_string()).write_json()
    rest = {
        "next_cursor": _cursor(feed, Place.of(published, stop)),
        "has_more": stop < available,
        "published_until": until.isoformat() if until else None,
    }
    return _json(f'{{"records":{written},{json.dumps(rest)[1:]}')


def _cursor(feed: str, place: Place) -> str:
    text = f"{feed} {place.day.isoformat()} {place.offset}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(feed: str, cursor: str) -> Place:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        name, day, offset = text.split(" ")
        place = Place(dt.date.fromisoformat(day), max(int(offset), 0))
    except ValueError as error:
        raise _wrong_cursor() from error
    if name != feed:
        raise _wrong_cursor()
    return place


def _wrong_cursor() -> Problem:
    detail = "This cursor was not given by this feed. Ask without a cursor to start from the beginning."
    return Problem(400, "wrong-cursor", "The cursor is none of this feed's", detail)


def _offer(file: DayFile) -> DayOffer:
    return DayOffer(name=file.name, day=file.day, version=file.version, size_bytes=len(file.data))


def _json(text: str) -> Response:
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


@contextmanager
def _in_words() -> Iterator[None]:
    """Answer that nothing can be sent; what the source or the store says names files and addresses: it is logged."""
    try:
        yield
    except (SourceError, StoreError) as error:
        _log.error("the feed cannot be sent: %s", error)
        raise Problem(503, "feed-unavailable", "The feed cannot be sent now", PROBLEMS["feed-unavailable"]) from error
