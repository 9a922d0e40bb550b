"""The contract of settled bets, as the asset publishes them: no player is named."""

from __future__ import annotations

import polars as pl

from parivision_assets.core.betting import LOWEST_ODDS_HUNDREDTHS, Side
from parivision_assets.core.betting_rules import Outcome
from parivision_assets.core.contracts import GAMES, Column, KnownAt, Table

BET_SETTLEMENTS = Table(
    name="bet_settlements",
    description="Play-money bets on games of the season as they were settled last; no money, no names.",
    key=("bet_id",),
    columns=(
        GAMES.column("season"),
        GAMES.column("game_date"),
        GAMES.column("game_key"),
        Column("bet_id", pl.Int64, "Number of the bet", minimum=1),
        Column("side", pl.String, "On whom it was placed", allowed=tuple(Side)),
        Column("stake_cents", pl.Int64, "Stake", unit="hundredths of a play coin", minimum=1),
        Column("odds_hundredths", pl.Int64, "Decimal odds at which it was locked, in hundredths",
               minimum=LOWEST_ODDS_HUNDREDTHS),
        Column("version", pl.Int64, "How often it was settled: more than once after a correction", minimum=1),
        Column("outcome", pl.String, "How it ended", KnownAt.LABEL, allowed=tuple(Outcome)),
        Column("payout_cents", pl.Int64, "Payout, the stake included", KnownAt.LABEL, "hundredths of a play coin", 0),
        Column("closing_probability", pl.Float64, "The side's probability by the closing line, its margin removed",
               minimum=0, maximum=1, nullable=True),
        Column("settled_on", pl.Date, "The platform's date when it was settled last", KnownAt.LABEL),
    ),
)  # fmt: skip
