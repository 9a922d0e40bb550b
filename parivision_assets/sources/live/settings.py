"""How the live source is asked: address, patience, politeness. Reading the environment belongs to `settings.py`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

SEASON_TYPES = ("Regular Season", "Playoffs", "PlayIn", "Pre Season")


@dataclass(frozen=True)
class Clock:
    """Time and chance as the source sees them, so that a test can replace both."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True)
class LiveSettings:
    """Limits of the live source; the defaults suit one polite user of the public service.

    `shot_season_types` is the regular season alone because the shots archive holds nothing else.
    """

    base_url: str = "https://stats.nba.com/stats"
    proxy: str | None = None
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    answer_timeout_s: float = 120.0
    max_answer_bytes: int = 64 * 2**20
    attempts: int = 4
    backoff_first_s: float = 2.0
    backoff_max_s: float = 60.0
    min_interval_s: float = 1.0
    breaker_failures: int = 6
    breaker_reset_s: float = 300.0
    shot_season_types: tuple[str, ...] = ("Regular Season",)

    def __post_init__(self) -> None:
        """Refuse limits that cannot work, naming the field."""
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url: '{self.base_url}' is no http(s) address; write https://host/path")
        for name in ("connect_timeout_s", "read_timeout_s", "answer_timeout_s", "max_answer_bytes", "attempts",
                     "breaker_failures", "breaker_reset_s"):  # fmt: skip
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)} must be greater than 0")
        for name in ("backoff_first_s", "backoff_max_s", "min_interval_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} must not be negative")
        unknown = set(self.shot_season_types) - set(SEASON_TYPES)
        if unknown or not self.shot_season_types:
            raise ValueError(f"shot_season_types: {sorted(unknown)} not among {', '.join(SEASON_TYPES)}")
