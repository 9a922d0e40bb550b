"""What VirtualBets is to send: which season, from where, and how much of it was published before the feed starts.

Reading it is `sources.publication`; which days were published since is kept in `stores.feed_positions`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from parivision_assets.core.league.config import LeagueConfig


@dataclass(frozen=True)
class FeedPlan:
    """One feed. Either the synthetic league, or published files at `urls` by dataset (shots, games, odds).

    `season` None: the newest there is. `published_until` None: everything is published from the start; otherwise the
    later days come one by one.
    """

    league: LeagueConfig | None = None
    urls: Mapping[str, str | None] = field(default_factory=dict)
    season: int | None = None
    published_until: dt.date | None = None
