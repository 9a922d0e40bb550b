"""`parivision feed`: lives the feed's coming days: everything is scored before it is published, day by day.

A day is scored by the API as its games go on, published at VirtualBets, and landed by the platform's own sensor; the
next one begins once the API knows it. What was scored is in the prediction log, what was published in the home: after
a kill the same command goes on where it was.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import httpx
import polars as pl
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from parivision_assets.commands.console import OUT, Steps, print_json, print_table, steps
from parivision_assets.commands.feed_scoring import AGAIN_S, AWAY_S, LivedDay, Scorer, in_words
from parivision_assets.core.feed_questions import ComingShot, coming_shots
from parivision_assets.core.feed_records import convert_feed
from parivision_assets.core.shots import clean_shots
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings
from parivision_assets.sources.feed import HttpFeed
from parivision_assets.sources.publication import Publication, open_publication
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock

KNOWN_WITHIN_S = 1_800.0
"""How long the platform may take to land a day and make it known: several times what a day takes on two cores."""
POLL_S = 1.0


def run_command(
    days: int | None, speed: float, api: str | None, bets: str | None, *, wait: bool, as_json: bool
) -> None:
    """Live the next days of the feed and print what was scored; all that are held back without `days`."""
    settings = Settings()
    home = Home(settings)
    api = api or f"http://{settings.api.host}:{settings.api.port}"
    bets = bets or f"http://{settings.bets.host}:{settings.bets.port}"
    with home_lock(home.root / "feed", "feed"), _client(settings, api) as client:
        feed = open_publication(settings.feed_plan())
        coming = coming_days(home, feed)[:days]
        lived = list(live(home, feed, coming, client, bets, speed, wait=wait))
    if as_json:
        print_json({"season": feed.season, "days": [asdict(day) for day in lived]})
        return
    if not lived:
        OUT.print(f"Every day of season {feed.season} is published: there is nothing left to live.", highlight=False)
        return
    rows = [(str(day.day), day.shots, day.games, day.before, len(day.refused), f"{day.seconds:.1f} s") for day in lived]
    print_table("Scored, then published", ("day", "shots", "games", "scored before", "refused", "time"), rows)
    OUT.print("`prediction_outcomes` joins them with what happened once the platform has landed the days.")


def coming_days(home: Home, feed: Publication) -> list[dt.date]:
    """Return the days that are not published yet; raise CommandError for a feed that holds none back."""
    if feed.starts_after is None:
        raise CommandError(
            "the feed publishes everything from the start, so that nothing can be scored before it is known; set "
            "PARIVISION_BETS_FEED_PUBLISHED_UNTIL to the date after which days come one by one"
        )
    until = home.feed_positions.published_until(feed.name) or feed.starts_after
    return [day for day in feed.days if day > until]


def live(
    home: Home,
    feed: Publication,
    coming: Sequence[dt.date],
    api: httpx.Client,
    bets: str,
    speed: float,
    *,
    wait: bool,
) -> Iterator[LivedDay]:
    """Score, publish and, with `wait`, see through each coming day; yield it once it is over."""
    virtual_bets = HttpFeed(bets)
    if coming:
        # Both must be there before anything is scored.
        virtual_bets.offers()
        _as_of(api)
    with steps(len(coming)) as progress:
        scorer = Scorer(home, api, speed, progress)
        for day in coming:
            if wait:
                _until_known(api, feed.newest_day(before=day), progress)
            lived = scorer.score(day, day_shots(feed, day), feed.games.filter(pl.col("game_date") == day))
            home.feed_positions.publish(feed.name, day)
            _check_offered(virtual_bets, feed, day)
            progress.done()
            yield lived
        if wait and coming:
            _until_known(api, coming[-1], progress)


def day_shots(feed: Publication, day: dt.date) -> list[ComingShot]:
    """Return a day's shots as the platform will see them once they are published; refused rows are not asked about."""
    sent = feed.shots_of(day)
    if sent.is_empty():
        return []
    rows = sent.cast(pl.String).with_columns(source_file=pl.lit(str(day)), source_row=pl.int_range(1, pl.len() + 1))
    return coming_shots(clean_shots(convert_feed(rows).rows).valid)


def _client(settings: Settings, api: str) -> httpx.Client:
    key = settings.bets.feed_api_key
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    return httpx.Client(base_url=api, headers=headers, timeout=30.0, trust_env=False)


def _as_of(api: httpx.Client) -> dt.date:
    """Return the date before which the API knows everything; raise CommandError where it is not ready."""
    try:
        answer = api.get("/readyz")
        if answer.is_success:
            return dt.date.fromisoformat(answer.json()["as_of"])
        reason = f"{answer.status_code}: {in_words(answer)}"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        reason = str(error) or type(error).__name__
    raise CommandError(
        f"the API at {api.base_url} is not ready ({reason}). Start it with `make up`, then run this again"
    )


def _until_known(api: httpx.Client, day: dt.date | None, progress: Steps) -> None:
    """Return once the API's state knows a day; raise CommandError when that takes too long."""
    if day is None:
        return
    started = time.monotonic()
    # An API that is started again meanwhile is waited for, as it is while shots are scored.
    patiently = Retrying(
        retry=retry_if_exception_type(CommandError),
        stop=stop_after_delay(AWAY_S),
        wait=wait_fixed(AGAIN_S),
        reraise=True,
    )
    while (as_of := patiently(_as_of, api)) <= day:
        if time.monotonic() - started > KNOWN_WITHIN_S:
            raise CommandError(
                f"{day} is published and the API still knows games before {as_of} only: is Dagster running with "
                "PARIVISION_FEED_URL at VirtualBets (`make up` sees to it)? Run this again to go on, or with --no-wait"
            )
        progress.say(f"{day} is published, the API knows games before {as_of}: waiting")
        time.sleep(POLL_S)


def _check_offered(virtual_bets: HttpFeed, feed: Publication, day: dt.date) -> None:
    wanted = {(file.name, file.version) for file in feed.files(day)}
    offered = {(offer.name, offer.version) for offer in virtual_bets.offers()}
    if not wanted <= offered:
        raise CommandError(
            f"{day} is published in this home, and {virtual_bets.url} does not offer it: it runs on another home or "
            "with other settings. Start VirtualBets with this PARIVISION_HOME"
        )
