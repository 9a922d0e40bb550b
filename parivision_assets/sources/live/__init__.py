"""The live source: the league's own statistics service, read through the `nba_api` package (extra `live`).

Here: asking politely, judging whether an answer is whole, and turning it into the publishers' archive formats. Cleaning
and repairing belong to the core, landing belongs to the stores. Importing this package needs no extra; asking does.
"""

from parivision_assets.sources.live.answers import Absent, Fetched, Harvest, LeftOut, Receipt
from parivision_assets.sources.live.convert import published_csv
from parivision_assets.sources.live.errors import (
    CircuitOpenError,
    LiveFormatError,
    LiveSourceError,
    LiveUnavailableError,
    MissingExtraError,
)
from parivision_assets.sources.live.settings import SYSTEM_CLOCK, Clock, LiveSettings
from parivision_assets.sources.live.source import LiveSource

__all__ = [
    "SYSTEM_CLOCK",
    "Absent",
    "CircuitOpenError",
    "Clock",
    "Fetched",
    "Harvest",
    "LeftOut",
    "LiveFormatError",
    "LiveSettings",
    "LiveSource",
    "LiveSourceError",
    "LiveUnavailableError",
    "MissingExtraError",
    "Receipt",
    "published_csv",
]
