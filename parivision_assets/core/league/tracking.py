"""The tracking logs of one season, in their publisher's format: what no other season says about a shot."""

from __future__ import annotations

import numpy as np
import polars as pl

from parivision_assets.core.league import chances, marginals
from parivision_assets.core.league.config import LeagueConfig
from parivision_assets.core.league.draws import Ints, Stream, ints
from parivision_assets.core.league.people import Players
from parivision_assets.core.league.publish import Season, dates, take
from parivision_assets.core.league.shots import SeasonShots

TRACKING_COLUMNS = (
    "GAME_ID", "MATCHUP", "LOCATION", "W", "FINAL_MARGIN", "SHOT_NUMBER", "PERIOD", "GAME_CLOCK", "SHOT_CLOCK",
    "DRIBBLES", "TOUCH_TIME", "SHOT_DIST", "PTS_TYPE", "SHOT_RESULT", "CLOSEST_DEFENDER",
    "CLOSEST_DEFENDER_PLAYER_ID", "CLOSE_DEF_DIST", "FGM", "PTS", "player_name", "player_id",
)  # fmt: skip


def tracking_frame(config: LeagueConfig, season: Season, last_day: int) -> pl.DataFrame:
    """Return the tracking logs' 21 columns for games up to an ordinal day, as the one real season has them."""
    shots, games = season.shots, season.regular
    shots = shots.kept(games.calendar.day[shots.game] <= last_day)
    stream = Stream(config.seed, "tracking", season.number)
    count = len(shots.game)
    low, high = (np.array(edge)[shots.hidden.defender] for edge in zip(*marginals.DEFENDER_BANDS_FT, strict=True))
    defender_ft = np.floor((low + (high - low) * stream.uniform(count) ** 1.5) * 10) / 10
    low, high = (np.array(e)[shots.hidden.shot_clock] for e in zip(*chances.SHOT_CLOCK_BANDS_S, strict=True))
    shot_clock = np.floor((low + (high - low) * stream.uniform(count)) * 10) / 10
    dribbles = np.floor(-2.0 * np.log(1 - 0.98 * stream.uniform(count))).astype(np.int64)
    touch = np.round(0.6 + 0.75 * dribbles + stream.uniform(count), 1)
    side = shots.side
    team = np.where(side == 0, games.calendar.home[shots.game], games.calendar.away[shots.game])
    other = np.where(side == 0, games.calendar.away[shots.game], games.calendar.home[shots.game])
    margin = (games.score[:, 0] - games.score[:, 1])[shots.game] * np.where(side == 0, 1, -1)
    day = dates(games.calendar.day[shots.game])
    codes = season.codes
    frame = pl.DataFrame(
        {
            "GAME_ID": games.game_id[shots.game],
            "day": day.dt.strftime("%b %d, %Y").str.to_uppercase(),
            "team": take(codes, team),
            "other": take(codes, other),
            "LOCATION": np.where(side == 0, "H", "A"),
            "W": np.where(margin > 0, "W", "L"),
            "FINAL_MARGIN": margin,
            "PERIOD": shots.quarter,
            "clock": shots.clock_s,
            "SHOT_CLOCK": pl.Series(shot_clock).set(pl.Series(shots.setting.clock_off), None),
            "DRIBBLES": dribbles,
            "TOUCH_TIME": touch,
            "SHOT_DIST": np.round(np.sqrt(shots.x_ft**2 + shots.y_ft**2), 1),
            "PTS_TYPE": shots.points,
            "SHOT_RESULT": np.where(shots.made, "made", "missed"),
            "defender": _defenders(season, shots, other, stream),
            "CLOSE_DEF_DIST": defender_ft,
            "FGM": shots.made.astype(np.int64),
            "PTS": shots.points * shots.made,
            "player": shots.player,
        }
    )
    return _named_tracking(frame, season.players)


def _defenders(season: Season, shots: SeasonShots, other: Ints, stream: Stream) -> Ints:
    """Return a defender of the other team who also shot for it that season."""
    team = np.where(
        shots.side == 0,
        season.regular.calendar.home[shots.game],
        season.regular.calendar.away[shots.game],
    )
    pools = [np.unique(shots.player[team == index]) for index in range(len(season.codes))]
    sizes = np.array([max(len(pool), 1) for pool in pools])
    padded = np.array([np.resize(pool if len(pool) else np.zeros(1, dtype=np.int64), sizes.max()) for pool in pools])
    return ints(padded[other, np.floor(stream.uniform(len(other)) * sizes[other]).astype(np.int64)])


def _named_tracking(frame: pl.DataFrame, players: Players) -> pl.DataFrame:
    clock = pl.col("clock")
    defender_names = [f"{name.split(' ', 1)[1]}, {name.split(' ', 1)[0]}" for name in players.names]
    return (
        frame.with_columns(
            SHOT_NUMBER=pl.int_range(1, pl.len() + 1).over("GAME_ID", "player"),
            MATCHUP=pl.when(pl.col("LOCATION") == "A")
            .then(pl.format("{} - {} @ {}", "day", "team", "other"))
            .otherwise(pl.format("{} - {} vs. {}", "day", "team", "other")),
            GAME_CLOCK=pl.format(
                "{}:{}",
                (clock // 60).cast(pl.String).str.zfill(2),
                (clock % 60).cast(pl.String).str.zfill(2),
            ),
            CLOSEST_DEFENDER=take(defender_names, frame["defender"].to_numpy()),
            CLOSEST_DEFENDER_PLAYER_ID=pl.Series(players.ids[frame["defender"].to_numpy()]),
            player_name=take([name.lower() for name in players.names], frame["player"].to_numpy()),
            player_id=pl.Series(players.ids[frame["player"].to_numpy()]),
        )
        .sort(["GAME_ID", "player", "SHOT_NUMBER"], descending=[True, False, False])
        .select(TRACKING_COLUMNS)
    )
