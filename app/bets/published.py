"""How much of VirtualBets' feed is sent by now: what the feed's addresses answer, and on which games nobody bets.

One per service: what is sent is read once, and only where somebody asks for it or everything is sent from the start.
"""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field
from functools import cached_property

from parivision_assets.sources.publication import HeldBack, Publication, held_back, open_publication
from parivision_assets.sources.published import SourceAbsentError
from parivision_assets.stores.home import Home


@dataclass
class Published:
    """The feed of one home and how far it is published; safe for threads."""

    home: Home
    _opening: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def _publication(self) -> Publication:
        return open_publication(self.home.settings.feed_plan())

    @property
    def publication(self) -> Publication:
        """Return what is sent; the first call reads it. Raises SourceError where there is nothing to send."""
        with self._opening:
            return self._publication

    @cached_property
    def _held_back(self) -> HeldBack | None:
        return held_back(self.home.settings.feed_plan())

    def until(self) -> dt.date | None:
        """Return the newest published day, None where all is published from the start. Raises SourceError."""
        held = self._held_back
        if held is None:
            return None
        return max(self.home.feed_positions.published_until(held.name) or held.starts_after, held.starts_after)

    def newest_known(self) -> dt.date | None:
        """Return the newest day up to which results are told already; None where the feed does not go by days."""
        try:
            return self.until()
        except SourceAbsentError:
            return None

    @cached_property
    def _whole_days(self) -> frozenset[dt.date]:
        return self.publication.played

    def days_sent_whole(self) -> frozenset[dt.date]:
        """Return the game dates of a feed that is sent as a whole from the start; none where days come one by one.

        Raises SourceError where the source does not answer.
        """
        try:
            return self._whole_days if self._held_back is None else frozenset()
        except SourceAbsentError:
            return frozenset()
