"""Which rows of the shots archive belong to one game: shared game numbers, and the newest landed file per game.

A game is its date and two teams (nobody plays twice a day). Publishers number games, and a number can be wrong: the
2020-21 archive gives its first five games one number (22000000), which would be one game of 873 shots.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from parivision_assets.core import contracts

MIN_GAME_ROWS = 30
"""Fewer rows under a shared number are strays of another game, not a game (archives: no game under 125 shots)."""

IDENTITY = ("GAME_DATE", "HOME_TEAM", "AWAY_TEAM")
_NUMBER_BASE = 10_000


def with_own_numbers(parsed: pl.DataFrame) -> pl.DataFrame:
    """Return `parsed` with `_game_id` and `_is_stray`, given GAME_ID and the parsed _date, _home and _away.

    A number that several games share is replaced, in each of them, by one made of its date and teams
    (yyyymmdd, home, away); rows that differ from their number's game and are too few to be one are strays.
    """
    identity = ["GAME_ID", "_date", "_home", "_away"]
    games = parsed.group_by(identity).agg(pl.len().alias("_rows"))
    shared = games.filter(pl.col("GAME_ID").is_duplicated() & pl.col("GAME_ID").is_not_null())
    if shared.is_empty():
        return parsed.with_columns(_game_id=pl.col("GAME_ID"), _is_stray=pl.lit(value=False))
    codes = list(contracts.TEAMS)
    positions = list(range(len(codes)))
    home, away = (pl.col(name).replace_strict(codes, positions, default=None) for name in ("_home", "_away"))
    made_up = pl.col("_date").dt.strftime("%Y%m%d").cast(pl.Int64) * _NUMBER_BASE + home * 100 + away
    is_game = pl.col("_rows") >= MIN_GAME_ROWS
    is_alone = is_game.sum().over("GAME_ID") == 1
    shared = shared.with_columns(
        _is_stray=~is_game, _own=pl.when(is_game & ~is_alone).then(made_up).otherwise(pl.col("GAME_ID"))
    )
    found = parsed.select(identity).join(
        shared.drop("_rows"), on=identity, how="left", nulls_equal=True, maintain_order="left"
    )
    return parsed.with_columns(
        found["_is_stray"].fill_null(value=False), _game_id=found["_own"].fill_null(parsed["GAME_ID"])
    )


def newest_file_per_game(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return every game's rows from the newest frame that holds it; `frames` are in landing order, oldest first.

    A newer frame holds a game if it has its date and teams, or its GAME_ID where each frame uses that number for one
    game only (so a corrected date replaces the game too). All frames have the published columns; an empty sequence
    raises ValueError.
    """
    if not frames:
        raise ValueError("no landed frame: land a season file first")
    games = [frame.select("GAME_ID", *IDENTITY).unique() for frame in frames]
    shared = {number for held in games for number in held.filter(pl.col("GAME_ID").is_duplicated())["GAME_ID"]}
    kept = []
    for position, frame in enumerate(frames):
        newer = games[position + 1 :]
        kept.append(_not_held(frame, pl.concat(newer), shared) if newer else frame)
    return pl.concat(kept)


def _not_held(frame: pl.DataFrame, newer: pl.DataFrame, shared: set[int]) -> pl.DataFrame:
    numbers = newer.filter(~pl.col("GAME_ID").is_in(list(shared)))["GAME_ID"].drop_nulls()
    by_identity = frame.join(newer, on=list(IDENTITY), how="anti", maintain_order="left")
    return by_identity.filter(~pl.col("GAME_ID").is_in(numbers.implode()).fill_null(value=False))
