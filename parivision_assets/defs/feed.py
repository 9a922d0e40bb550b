"""The feed sensor: each new or corrected day file lands once, in date order, and its season is carried to features.

The cursor remembers what was seen of each file; without it everything is offered again, the landing zone knows the
bytes and Dagster the run keys, so that nothing is done twice.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import dagster as dg

from parivision_assets.defs.alerts import Alert, send
from parivision_assets.defs.days import LandedDay, land_file
from parivision_assets.sources.archives import SourceError, SourceFormatError
from parivision_assets.sources.feed import Feed, Offer, open_feed
from parivision_assets.stores.atomic import digest_of
from parivision_assets.stores.home import Home

DAYS_A_TICK = 10
"""A tick must end within a minute; what is left comes with the next one."""
NAME = "feed_sensor"


@dataclass
class Seen:
    """What a tick knows of files by name: their version and digest, or why a file was refused."""

    files: dict[str, dict[str, str]]
    refused: list[Alert] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)

    def is_known(self, offer: Offer) -> bool:
        """Return whether the file is as it was."""
        return bool(offer.version) and self.files.get(offer.name, {}).get("version") == offer.version

    def refuse(self, offer: Offer, reason: str, sha256: str = "") -> None:
        """Remember a refusal, which is said once per content."""
        known = self.files.get(offer.name, {})
        if known.get("refused") != reason or known.get("sha256") != sha256:
            labels = {"file": offer.name}
            self.refused.append(Alert("DayFileRefused", "warning", f"{offer.name} did not land", reason, labels))
        self.files[offer.name] = {"version": offer.version, "sha256": sha256, "refused": reason}


def feed_sensor(feed: Feed | None, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Return the sensor that watches a feed; without one, the settings'."""

    @dg.sensor(
        name=NAME,
        job_name="daily",
        minimum_interval_seconds=30,
        default_status=status,
        description="Lands each new or corrected day file of the feed and carries its season to features",
    )
    def sensor(context: dg.SensorEvaluationContext, home: dg.ResourceParam[Home]) -> dg.SensorResult | dg.SkipReason:
        url = home.settings.feed_url
        watched = feed or (open_feed(url) if url else None)
        if watched is None:
            return dg.SkipReason("PARIVISION_FEED_URL is not set: there is no folder or service to watch")
        try:
            offers = watched.offers()
        except SourceError as error:
            return dg.SkipReason(str(error))
        seen = Seen(json.loads(context.cursor) if context.cursor else {})
        requests = list(take(home, watched, offers, seen))
        send(home.settings, seen.refused)
        for problem in (*(alert.reason for alert in seen.refused), *seen.unavailable):
            context.log.warning(problem)
        cursor = json.dumps(seen.files, sort_keys=True)
        nothing = "; ".join((*(alert.reason for alert in seen.refused), *seen.unavailable)) or "no new day file"
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else dg.SkipReason(nothing), cursor=cursor
        )

    return sensor


def take(home: Home, feed: Feed, offers: list[Offer], seen: Seen) -> Iterator[dg.RunRequest]:
    """Land what is new, day by day, oldest first, and yield one run per day and season.

    A file that is refused stops no other; a file that cannot be read now is tried again at the next tick.
    """
    news = sorted(_dated(offers, seen), key=lambda item: (item[0], item[1].name))
    days = [(day, [offer for _, offer in group]) for day, group in groupby(news, key=lambda item: item[0])]
    for day, group in days[:DAYS_A_TICK]:
        landed = [found for offer in group if (found := _land(home, feed, day, offer, seen))]
        for season in sorted({item.season for item, _ in landed}):
            content = digest_of("".join(sha256 for item, sha256 in landed if item.season == season).encode())
            yield dg.RunRequest(run_key=f"{day}/{season}/{content[:16]}", partition_key=str(season))


def _dated(offers: list[Offer], seen: Seen) -> Iterator[tuple[dt.date, Offer]]:
    for offer in offers:
        if seen.is_known(offer):
            continue
        try:
            yield offer.day, offer
        except SourceFormatError as error:
            seen.refuse(offer, str(error))


def _land(home: Home, feed: Feed, day: dt.date, offer: Offer, seen: Seen) -> tuple[LandedDay, str] | None:
    """Return what landed with its digest; None for a file whose content is known, refused or out of reach."""
    known = seen.files.get(offer.name, {}).get("sha256")
    sha256 = ""
    try:
        data = feed.read(offer)
        sha256 = digest_of(data)
        if sha256 == known:
            seen.files[offer.name]["version"] = offer.version
            return None
        landed = land_file(home, day, offer.name, offer.url, data)
    except SourceFormatError as error:
        seen.refuse(offer, str(error), sha256)
        return None
    except SourceError as error:
        seen.unavailable.append(str(error))
        return None
    seen.files[offer.name] = {"version": offer.version, "sha256": sha256}
    return landed, sha256
