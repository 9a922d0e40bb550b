"""From predictions, schedule and closing lines to the games on which bets are offered. Prices are `betting`'s work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from parivision_assets.core.betting import Odds, offered_odds
from parivision_assets.core.betting_rules import BetGame, KnownResults


@dataclass(frozen=True, slots=True)
class OfferedGame:
    """A coming game with its odds, and what the champion says of it: None where it said nothing."""

    game: BetGame
    odds: Odds
    home_probability: float | None = None
    champion: str | None = None
    predicted_on: dt.date | None = None
    """The platform's date when it was predicted."""


def newest_predictions(predictions: pl.DataFrame, today: dt.date, champion: str | None) -> pl.DataFrame:
    """Return one row per game after today (GAME_PREDICTIONS): the newest prediction, that of `champion` first."""
    is_champions = pl.col("champion").eq_missing(pl.lit(champion, dtype=pl.String))
    coming = predictions.filter(pl.col("game_date") > today)
    return (
        coming.sort("as_of_date", is_champions, "champion")
        .unique("game_key", keep="last", maintain_order=True)
        .sort("game_date", "game_key")
    )


def games_on_offer(
    schedule: pl.DataFrame, predictions: pl.DataFrame, margin: float, lines: Mapping[str, float] | None = None
) -> dict[str, OfferedGame]:
    """Return the scheduled games with odds by their key: from the champion, or from `lines` where these are given.

    `schedule` and `predictions` hold coming games, one row each; `lines` are home probabilities without their margin.
    A game that has no probability of that kind is not on offer.
    """
    predicted = {str(row["game_key"]): row for row in predictions.iter_rows(named=True)}
    offered = {}
    for row in schedule.sort("game_date", "game_key").iter_rows(named=True):
        own = predicted.get(row["game_key"], {})
        probability = own.get("home_probability") if lines is None else lines.get(row["game_key"])
        if probability is None:
            continue
        game = BetGame(row["game_key"], row["season"], row["game_date"], row["home_team"], row["away_team"])
        offered[game.game_key] = OfferedGame(
            game,
            offered_odds(probability, margin),
            own.get("home_probability"),
            own.get("champion"),
            own.get("as_of_date"),
        )
    return offered


def closing_lines(games: pl.DataFrame) -> dict[str, float]:
    """Return home probabilities by game, the market's margin removed, from games (GAMES) that have a closing line."""
    priced = games.filter(pl.col("closing_home_probability").is_not_null())
    return dict(priced.select("game_key", "closing_home_probability").iter_rows())


def known_results(
    today: dt.date, games: pl.DataFrame | None, schedule: pl.DataFrame | None, predictions: pl.DataFrame | None
) -> KnownResults:
    """Return what a season's tables say of its games today (GAMES, SCHEDULE, GAME_PREDICTIONS; None where absent).

    A game without a market's closing line closes at the last probability that a champion gave it.
    """
    played = {} if games is None else dict(games.select("game_key", "is_home_win").iter_rows())
    closing: dict[str, float] = {}
    if predictions is not None:
        before = predictions.filter(pl.col("as_of_date") < pl.col("game_date")).sort("as_of_date", "champion")
        last = before.unique("game_key", keep="last", maintain_order=True)
        closing |= dict(last.select("game_key", "home_probability").iter_rows())
    if games is not None:
        closing |= closing_lines(games)
    if schedule is None or schedule.is_empty():
        return KnownResults(today, played, closing)
    until = max(schedule["game_date"].to_list())
    return KnownResults(today, played, closing, frozenset(schedule["game_key"].to_list()), until)
