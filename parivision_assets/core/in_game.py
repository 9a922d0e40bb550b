"""What happened earlier in the same game, for every shot: only events with a strictly larger game clock count.

Rows that share a game, period and second do not see each other: which of them came first is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core import court

IntArray = npt.NDArray[np.int64]

REGULATION_PERIODS, PERIOD_S, OVERTIME_S = 4, 720, 300

COUNTS = ("game_attempts", "game_makes", "team_attempts", "team_makes", "own_attempts", "own_makes")
LAST = ("last_since_s", "last_same_team", "last_same_player", "last_made", "last_distance_ft", "own_last_made")
FLAGS = ("last_same_team", "last_same_player", "last_made", "own_last_made")
COLUMNS = ("elapsed_s", "fg_margin_pts", *COUNTS, *LAST)
"""What `with_earlier_events` adds; all but the first two are null when the game so far is not given."""


def elapsed_s() -> pl.Expr:
    """Return seconds played when the shot was taken, from `quarter` and `clock_s`."""
    quarter, clock = pl.col("quarter").cast(pl.Int32), pl.col("clock_s").cast(pl.Int32)
    regulation = quarter * PERIOD_S - clock
    overtime = REGULATION_PERIODS * PERIOD_S + (quarter - REGULATION_PERIODS) * OVERTIME_S - clock
    return pl.when(quarter <= REGULATION_PERIODS).then(regulation).otherwise(overtime)


def with_earlier_events(shots: pl.DataFrame) -> pl.DataFrame:
    """Return canonical shots of whole games, in their order, with what had happened before each of them.

    Counts are of field goals; `fg_margin_pts` is the shooting team's lead in field-goal points. A row whose
    `is_made` is null (a shot that is being asked about) counts as an attempt for later rows, and as no make.
    """
    ordered = shots.with_row_index("_row").with_columns(elapsed_s=elapsed_s())
    ordered = ordered.sort("game_id", "elapsed_s", "shot_number")
    game, is_home, player = (_codes(ordered[name]) for name in ("game_id", "is_home", "player_id"))
    team, own = game * 2 + is_home, game * (int(player.max(initial=0)) + 1) + player
    made = ordered["is_made"].cast(pl.Int64).fill_null(0)
    points = made * ordered["points_value"].cast(pl.Int64)
    second = ordered["elapsed_s"].to_numpy()
    by_game, by_team, by_own = Earlier.of(game, second), Earlier.of(team, second), Earlier.of(own, second)
    counted = ordered.with_columns(
        (2 * by_team.sums(points) - by_game.sums(points)).alias("fg_margin_pts"),
        by_game.counts().alias("game_attempts"),
        by_game.sums(made).alias("game_makes"),
        by_team.counts().alias("team_attempts"),
        by_team.sums(made).alias("team_makes"),
        by_own.counts().alias("own_attempts"),
        by_own.sums(made).alias("own_makes"),
        by_own.last(ordered["is_made"]).alias("own_last_made"),
    )
    period = Earlier.of(game * 16 + _codes(ordered["quarter"]), second)
    counted = counted.with_columns(
        (ordered["elapsed_s"] - period.last(ordered["elapsed_s"])).alias("last_since_s"),
        (ordered["is_home"] == period.last(ordered["is_home"])).alias("last_same_team"),
        (ordered["player_id"] == period.last(ordered["player_id"])).alias("last_same_player"),
        period.last(ordered["is_made"]).alias("last_made"),
        period.last(_distance_ft(ordered)).alias("last_distance_ft"),
    )
    return counted.sort("_row").select(*shots.columns, *COLUMNS)


@dataclass(frozen=True)
class Earlier:
    """For each row, the newest row of its group at a strictly smaller second (-1: none)."""

    order: IntArray
    """Rows by group, then by second; ties in the frame's order."""
    position: IntArray
    """Per row in that order, the position of the newest earlier row, or -1."""
    start: IntArray
    """Per row in that order, the position where its group starts."""

    @classmethod
    def of(cls, group: IntArray, second: IntArray) -> Earlier:
        """Return the index for rows with these groups and seconds, both of length n."""
        order = np.lexsort((second, group))
        by_group, by_second = group[order], second[order]
        here = np.arange(len(order))
        new_group = np.ones(len(order), dtype=bool)
        new_group[1:] = by_group[1:] != by_group[:-1]
        new_second = new_group.copy()
        new_second[1:] |= by_second[1:] != by_second[:-1]
        start = np.maximum.accumulate(np.where(new_group, here, 0))
        tie = np.maximum.accumulate(np.where(new_second, here, 0))
        return cls(order, np.where(tie > start, tie - 1, -1), start)

    def counts(self) -> pl.Series:
        """Return how many rows of the group came earlier."""
        return self._restored(np.where(self.position >= 0, self.position - self.start + 1, 0))

    def sums(self, values: pl.Series) -> pl.Series:
        """Return the sum of an integer series over the earlier rows of the group."""
        running = np.concatenate([[0], np.cumsum(values.to_numpy()[self.order])])
        return self._restored(np.where(self.position >= 0, running[self.position + 1] - running[self.start], 0))

    def last(self, values: pl.Series) -> pl.Series:
        """Return the newest earlier row's value, null where there is none."""
        source = np.full(len(self.order), -1)
        source[self.order] = np.where(self.position >= 0, self.order[self.position], -1)
        index = pl.Series(source)
        return values.gather(index.set(index < 0, None))

    def _restored(self, sorted_values: IntArray) -> pl.Series:
        result = np.empty_like(sorted_values)
        result[self.order] = sorted_values
        return pl.Series(result).cast(pl.Int32)


def _distance_ft(shots: pl.DataFrame) -> pl.Series:
    """Return the distance, shots at the rim not told apart: where they were placed may tell whether they went in."""
    far = pl.when(~pl.col("is_at_rim")).then(pl.col("spot_distance_ft"))
    return shots.select(far.otherwise(court.RESTRICTED_AREA_RADIUS_FT).alias("distance_ft"))["distance_ft"]


def _codes(values: pl.Series) -> IntArray:
    """Return small integers, equal where the values are equal."""
    return np.asarray(values.rank("dense").to_numpy(), dtype=np.int64) - 1
