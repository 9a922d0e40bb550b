"""The platform's date: the newest landed game date, or a date given explicitly. The wall clock decides nothing."""

from __future__ import annotations

import datetime as dt

from parivision_assets.core.contracts import GAMES, SHOTS
from parivision_assets.stores.home import Home


def today(home: Home) -> dt.date | None:
    """Return the platform's date, None before any game was landed."""
    if home.settings.today is not None:
        return home.settings.today
    newest = [
        home.tables.read(table, home.tables.partitions(table)[-1], ["game_date"])["game_date"].to_list()
        for table in (GAMES.name, SHOTS.name)
        if home.tables.partitions(table)
    ]
    dates: list[dt.date] = [date for column in newest for date in column]
    return max(dates, default=None)
