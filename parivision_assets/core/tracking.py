"""Tracking shot logs (defender, shot clock, dribbles, touch time): cleaning, and joining them to the shots archive.

The logs share no event number with the archive and their clocks differ, so a log row is joined by game, player and
the player's shot number in the game, and attached only where what both record agrees.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from parivision_assets.core import contracts
from parivision_assets.core.row_rules import (
    RowRule,
    nest_raw,
    published,
    require_columns,
    split_by_rules,
)

ARCHIVE = "tracking"
COLUMNS = (
    "GAME_ID", "player_id", "SHOT_NUMBER", "PERIOD", "PTS_TYPE", "SHOT_RESULT", "FGM", "SHOT_DIST", "CLOSE_DEF_DIST",
    "SHOT_CLOCK", "DRIBBLES", "TOUCH_TIME",
)  # fmt: skip
"""The columns that are read; the logs hold others, some known only after the game, that are not."""
ATTACHED = ("defender_distance_ft", "shot_clock_s", "dribbles", "touch_time_s")
MIN_THREE_FT = 21.0
KEY = ("game_id", "player_id", "player_shot_number")

_CORRECT = "Correct the row in the tracking log and land it again; the shot stays without tracking."


@dataclass(frozen=True)
class TrackingReport:
    """What cleaning and joining the logs found: counts of rows; values_nulled, per column, of the rows kept."""

    rows: int
    quarantined_by_rule: dict[str, int]
    negative_touch_times: int
    empty_shot_clocks: int
    values_nulled: dict[str, int]
    joined: int
    made_agrees: int
    attached: int
    disagreeing_by_column: dict[str, int]

    @property
    def made_agreement(self) -> float | None:
        """Return the share of joined rows on which both sources agree whether the shot went in."""
        return self.made_agrees / self.joined if self.joined else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {**asdict(self), "made_agreement": self.made_agreement}


@dataclass(frozen=True)
class CleanedTracking:
    """Log rows keyed by KEY with ATTACHED, quarter, points_value and is_made; refused rows; what was wrong."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame
    rows: int
    negative_touch_times: int
    empty_shot_clocks: int
    values_nulled: dict[str, int]


@dataclass(frozen=True)
class TrackedShots:
    """Canonical shots with what tracking adds, and how the join went."""

    shots: pl.DataFrame
    report: TrackingReport


def clean_tracking(raw: pl.DataFrame) -> CleanedTracking:
    """Return the logs with impossible values emptied and contradictory rows refused.

    `raw` holds COLUMNS plus source_file and source_row; raises ValueError naming every missing column.
    """
    require_columns(raw, COLUMNS, ARCHIVE)
    nested = nest_raw(raw).with_columns(_repeated=raw.select("GAME_ID", "player_id", "SHOT_NUMBER").is_duplicated())
    kept, quarantined = split_by_rules(nested, _rules(), ARCHIVE)
    typed = kept.select(
        game_id=published("GAME_ID"),
        player_id=published("player_id"),
        player_shot_number=published("SHOT_NUMBER"),
        quarter=published("PERIOD"),
        points_value=published("PTS_TYPE"),
        is_made=published("SHOT_RESULT") == "made",
        defender_distance_ft=published("CLOSE_DEF_DIST"),
        shot_clock_s=published("SHOT_CLOCK"),
        dribbles=published("DRIBBLES"),
        touch_time_s=published("TOUCH_TIME"),
    )
    outside = {name: contracts.SHOTS.column(name).violated() for name in ATTACHED}
    counts = raw.select(negative=(pl.col("TOUCH_TIME") < 0).sum(), empty=pl.col("SHOT_CLOCK").is_null().sum()).row(
        0, named=True
    )
    nulled = typed.select(broken.sum().alias(name) for name, broken in outside.items()).row(0, named=True)
    valid = typed.with_columns(
        pl.when(~broken).then(pl.col(name)).alias(name).cast(contracts.SHOTS.column(name).dtype)
        for name, broken in outside.items()
    )
    return CleanedTracking(
        valid=valid,
        quarantined=quarantined,
        rows=raw.height,
        negative_touch_times=counts["negative"],
        empty_shot_clocks=counts["empty"],
        values_nulled=nulled,
    )


def attach_tracking(shots: pl.DataFrame, tracking: CleanedTracking) -> TrackedShots:
    """Return canonical shots (contracts.SHOTS) with ATTACHED filled where the sources agree, and the counts.

    A joined row that disagrees on the outcome, the points or the period is another shot: nothing is attached. Shots
    that the archive's cleaning refused shift their player's later shots in that game, which then disagree or join
    their neighbour (two rows in 2014-15).
    """
    compared = ("is_made", "points_value", "quarter")
    key = list(KEY)
    numbered = shots.select("game_id", "player_id", *compared).with_columns(
        player_shot_number=shots.select(pl.col("shot_number").rank("ordinal").over("game_id", "player_id")).to_series()
    )
    log = tracking.valid.with_columns(pl.col(name).cast(numbered.schema[name]) for name in (*KEY, *compared))
    found = numbered.join(log, on=key, how="left", maintain_order="left", suffix="_log", validate="m:1")
    has_log = pl.col("is_made_log").is_not_null()
    disagrees = {name: has_log & (pl.col(name) != pl.col(f"{name}_log")) for name in compared}
    agrees = has_log & ~pl.any_horizontal(disagrees.values())
    counts = found.select(
        joined=has_log.sum(), attached=agrees.sum(), **{name: broken.sum() for name, broken in disagrees.items()}
    ).row(0, named=True)
    values = found.select(pl.when(agrees).then(pl.col(name)).alias(name) for name in ATTACHED)
    report = TrackingReport(
        rows=tracking.rows,
        quarantined_by_rule=dict(tracking.quarantined["rule"].value_counts().sort("rule").iter_rows()),
        negative_touch_times=tracking.negative_touch_times,
        empty_shot_clocks=tracking.empty_shot_clocks,
        values_nulled=tracking.values_nulled,
        joined=counts["joined"],
        made_agrees=counts["joined"] - counts["is_made"],
        attached=counts["attached"],
        disagreeing_by_column={name: counts[name] for name in compared},
    )
    return TrackedShots(shots.with_columns(values.get_columns()), report)


def _rules() -> list[RowRule]:
    def positive(name: str) -> RowRule:
        return RowRule(f"{name} must be positive", name, ~(published(name) > 0).fill_null(value=False), _CORRECT)

    result = published("SHOT_RESULT")
    says_made = published("FGM") == 1
    is_three = published("PTS_TYPE") == 3
    return [
        positive("GAME_ID"),
        positive("player_id"),
        positive("SHOT_NUMBER"),
        RowRule("game, player and shot number must be unique", "SHOT_NUMBER", pl.col("_repeated"), _CORRECT),
        RowRule("result must be made or missed", "SHOT_RESULT", ~_among(result, ["made", "missed"]), _CORRECT),
        RowRule("result must agree with FGM", "SHOT_RESULT", (result == "made") != says_made, _CORRECT),
        RowRule("points type must be 2 or 3", "PTS_TYPE", ~_among(published("PTS_TYPE"), [2, 3]), _CORRECT),
        RowRule(
            f"a three must be from {MIN_THREE_FT:g} ft or more",
            "SHOT_DIST",
            is_three & (published("SHOT_DIST") < MIN_THREE_FT),
            _CORRECT,
        ),
    ]


def _among(value: pl.Expr, allowed: list[str] | list[int]) -> pl.Expr:
    return value.is_in(allowed).fill_null(value=False)
