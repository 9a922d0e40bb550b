"""What the live source hands out: a whole answer or an explicit absence, never an empty table."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Receipt:
    """One answer of the service as it was received: where from, how large, which bytes."""

    endpoint: str
    url: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class LeftOut:
    """A game that was not taken, and why; it can be fetched again later."""

    game_id: int
    reason: str


@dataclass(frozen=True)
class Absent:
    """The source holds nothing usable: whatever was landed before stays.

    `expected_games` is 0 on a day without games, above 0 when games are known to exist, None when nobody could say.
    """

    dataset: str
    reason: str
    next_step: str
    expected_games: int | None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def is_quiet_day(self) -> bool:
        """Return whether the absence is right: no game was scheduled."""
        return self.expected_games == 0


@dataclass(frozen=True)
class Fetched:
    """A table in its publisher's format, never empty, of whole games only."""

    frame: pl.DataFrame
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an empty table: missing is not empty."""
        if self.frame.is_empty():
            raise ValueError("a fetched table must hold rows; say Absent instead")


@dataclass(frozen=True)
class Harvest:
    """Games and shots of one date or one season, with a receipt per answer of the service."""

    games: Fetched | Absent
    shots: Fetched | Absent
    receipts: tuple[Receipt, ...]
