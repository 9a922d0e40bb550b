"""The probabilities behind the published rows, in tables of their own that no feature reads.

Players and teams are published, so their latent skills count as known in the published truth; defender distance, shot
clock and fatigue do not. A game's published truth knows strengths, home and rest, neither absences nor the market.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from parivision_assets.core.league.publish import Season, dates, newest_first, take


def shot_truth(season: Season) -> pl.DataFrame:
    """Return the probabilities of the same rows in the same order, with the keys that join them.

    (GAME_ID, QUARTER, clock, PLAYER_ID) is unique by construction; `row` is the 1-based data row of the season file
    when the whole season is published.
    """
    shots = newest_first(season.shots)
    return pl.DataFrame(
        {
            "season": pl.repeat(season.number, len(shots.game), dtype=pl.Int16, eager=True),
            "game_date": dates(season.regular.calendar.day[shots.game]),
            "row": np.arange(1, len(shots.game) + 1),
            "game_id": season.regular.game_id[shots.game],
            "quarter": pl.Series(shots.quarter).cast(pl.Int8),
            "clock_s": pl.Series(shots.clock_s).cast(pl.Int16),
            "player_id": season.players.ids[shots.player],
            "p_given_everything": shots.p_given_everything,
            "p_pre_release": np.round(shots.p_pre_release, 9),
            "p_post_event": np.round(shots.p_post_event, 9),
        }
    )


def game_truth(season: Season) -> pl.DataFrame:
    """Return P(home wins) of every game, given everything and given what is published, keyed as validated games."""
    frames = []
    for games in (season.regular, season.playoffs):
        frame = pl.DataFrame(
            {
                "season": pl.repeat(season.number, len(games.game_id), dtype=pl.Int16, eager=True),
                "game_date": dates(games.calendar.day),
                "game_id": games.game_id,
                "stage": np.where(games.playoffs, "playoffs", "regular"),
                "home_team": take(season.codes, games.calendar.home),
                "away_team": take(season.codes, games.calendar.away),
                "p_given_everything": games.p_given_everything,
                "p_published": games.p_published,
            }
        )
        key = pl.format("{}_{}_{}", pl.col("game_date").dt.strftime("%Y-%m-%d"), "away_team", "home_team")
        frames.append(frame.with_columns(game_key=key))
    return pl.concat(frames)
