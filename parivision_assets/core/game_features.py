"""What a game model is told: a list of features over the values that `game_state` describes, and the tables they fill.

Every value comes from games dated strictly before the game's own date; the closing market is no input.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from parivision_assets.core import game_state, rosters
from parivision_assets.core.contracts import GAMES, SCHEDULE, KnownAt
from parivision_assets.core.features import Feature, feature_table, select_features
from parivision_assets.core.game_state import Fixture, GameState, Result, Values

VENUE, STRENGTH, SCHEDULE_CONTEXT, SERIES, SHOTS = "venue", "strength", "schedule", "series", "shots"
"""Groups of inputs that may be withheld as a whole; the venue is always known."""

CONTEXT_COLUMNS = (
    "league_home_edge_pts", "is_neutral", "is_playoffs", "season_day", "elo_edge", "win_form_edge", "win_share_edge",
    *(f"{name}_{value}_pts" for name in game_state.RATINGS for value in ("edge", "expected", "sd")),
    *(f"{side}_{value}" for side in ("home", "away")
      for value in ("rest_days", "games_in_four_nights", "games_in_week", "travel_km")),
    "altitude_gain_m", "fatigue_edge_pts", "series_games", "series_wins_edge", "series_margin_pts",
    *(f"roster_{window}_edge_pts" for window in rosters.WINDOWS),
)  # fmt: skip
"""The columns of a context row, all Float64; features are expressions over them."""

THREE_BUCKETS = ("corner_three", "arc_three", "deep_three")
LONGEST_REST_DAYS = 4


def _feature(
    name: str, description: str, unit: str, context: str, expr: pl.Expr, limits: tuple[float, float]
) -> Feature:
    return Feature(name, description, unit, KnownAt.PRE_GAME, context, expr, pl.Float32, *limits)


def _z(name: str) -> pl.Expr:
    return pl.col(f"{name}_expected_pts") / pl.col(f"{name}_sd_pts")


def _in_playoffs(name: str) -> pl.Expr:
    return pl.when(pl.col("is_playoffs") == 1.0).then(pl.col(name)).otherwise(0.0)


def _back_to_back(side: str) -> pl.Expr:
    """Return 1 the day after a game, 0 otherwise; a season's first game follows none."""
    known = pl.col(f"{side}_games_in_week").is_not_null()
    return pl.when(known).then((pl.col(f"{side}_rest_days") == 1.0).fill_null(value=False).cast(pl.Float64))


def _third_in_four(side: str) -> pl.Expr:
    return (pl.col(f"{side}_games_in_four_nights") >= 3.0).cast(pl.Float64)


def _rest(side: str) -> pl.Expr:
    known = pl.col(f"{side}_games_in_week").is_not_null()
    capped = pl.col(f"{side}_rest_days").fill_null(LONGEST_REST_DAYS).clip(upper_bound=LONGEST_REST_DAYS)
    return pl.when(known).then(capped)


GAME_FEATURES = (
    _feature("league_home_edge_pts", "Home edge of the league as recent games show it; 0 on a neutral floor", "pts",
             VENUE, pl.col("league_home_edge_pts"), (-10, 10)),
    _feature("is_playoffs", "1 in the play-in and the playoffs", "", VENUE, pl.col("is_playoffs"), (0, 1)),
    _feature("season_day", "Days since the season's first game", "d", VENUE, pl.col("season_day"), (0, 400)),
    _feature("margin_z", "Expected home margin over its standard deviation, from margins this and earlier seasons",
             "sd", STRENGTH, _z("season"), (-5, 5)),
    _feature("playoff_margin_z", "The same in the playoffs, 0 before", "sd", STRENGTH,
             pl.when(pl.col("season_sd_pts").is_not_null()).then(pl.col("is_playoffs") * _z("season")), (-5, 5)),
    _feature("elo_edge", "Elo with margin of victory, home minus away, home advantage included", "Elo points",
             STRENGTH, pl.col("elo_edge"), (-1500, 1500)),
    _feature("recent_edge_pts", "Expected margin by the last weeks' games, less that by the whole record", "pts",
             STRENGTH, pl.col("recent_expected_pts") - pl.col("season_expected_pts"), (-60, 60)),
    _feature("win_form_edge", "Wins above Elo's expectation in the last games, home minus away", "", STRENGTH,
             pl.col("win_form_edge"), (-2, 2)),
    _feature("win_share_edge", "Season's win share shrunk to one half, home minus away", "", STRENGTH,
             pl.col("win_share_edge"), (-1, 1)),
    _feature("fatigue_edge", "What back-to-backs add to the expected home margin over its standard deviation", "sd",
             SCHEDULE_CONTEXT, pl.col("fatigue_edge_pts") / pl.col("season_sd_pts"), (-5, 5)),
    _feature("home_back_to_back", "1 if the home team played yesterday", "", SCHEDULE_CONTEXT,
             _back_to_back("home"), (0, 1)),
    _feature("away_back_to_back", "1 if the away team played yesterday", "", SCHEDULE_CONTEXT,
             _back_to_back("away"), (0, 1)),
    _feature("home_third_in_four", "1 if it is the home team's third game in four nights", "", SCHEDULE_CONTEXT,
             _third_in_four("home"), (0, 1)),
    _feature("away_third_in_four", "1 if it is the away team's third game in four nights", "", SCHEDULE_CONTEXT,
             _third_in_four("away"), (0, 1)),
    _feature("rest_edge_days", "Days since the last game up to four, home minus away", "d", SCHEDULE_CONTEXT,
             _rest("home") - _rest("away"), (-4, 4)),
    _feature("week_games_edge", "Games in seven days, home minus away", "", SCHEDULE_CONTEXT,
             pl.col("home_games_in_week") - pl.col("away_games_in_week"), (-7, 7)),
    _feature("travel_edge_km", "Distance from the last game's arena, home minus away", "km", SCHEDULE_CONTEXT,
             pl.col("home_travel_km") - pl.col("away_travel_km"), (-20000, 20000)),
    _feature("altitude_gain_m", "Altitude of the arena less that of the away team's own", "m", SCHEDULE_CONTEXT,
             pl.col("altitude_gain_m"), (-2000, 2000)),
    _feature("series_games", "Games played so far in this playoff series", "", SERIES,
             _in_playoffs("series_games"), (0, 6)),
    _feature("series_wins_edge", "Home wins less away wins in this playoff series", "", SERIES,
             _in_playoffs("series_wins_edge"), (-3, 3)),
    _feature("series_margin_pts", "Mean home margin in this playoff series so far", "pts", SERIES,
             _in_playoffs("series_margin_pts"), (-100, 100)),
    _feature("shot_edge", "What the margin ratings add when luck from three is taken out", "sd", SHOTS,
             _z("shot") - _z("season"), (-5, 5)),
    *(_feature(f"roster_{window}_edge_pts",
               f"Usual points of those who shot in the last {window} game(s), less the team's usual; home minus away",
               "pts", SHOTS, pl.col(f"roster_{window}_edge_pts"), (-200, 200))
      for window in rosters.WINDOWS),
)  # fmt: skip

GAME_FEATURE_TABLE = feature_table(
    "game_features",
    "One row per game: what was known before its date, the label, and nothing of the market.",
    (*SCHEDULE.columns, GAMES.column("is_home_win")),
    GAME_FEATURES,
    GAMES.key,
)


@dataclass(frozen=True)
class ShotTotals:
    """Per-game totals from the shots: `players` is PLAYER_GAME_TOTALS, `teams` is TEAM_GAME_TOTALS, any seasons."""

    players: pl.DataFrame
    teams: pl.DataFrame


def build_game_features(
    games: pl.DataFrame, shots: ShotTotals | None = None, start: GameState | None = None
) -> tuple[pl.DataFrame, GameState]:
    """Return the feature table (GAME_FEATURE_TABLE) of canonical games, and the state after the last of them.

    Games are replayed day by day from `start` (default: knowing nothing), which must be older than the first; give all
    earlier seasons, or a state that has absorbed them. Raises ValueError if a game is not after the state's newest.
    """
    context, state = replay(games, shots, start)
    return GAME_FEATURE_TABLE.conform(_selected(games.sort("game_date", "game_key"), context, ["is_home_win"])), state


def schedule_features(schedule: pl.DataFrame, state: GameState) -> pl.DataFrame:
    """Return id and feature columns for games to come (SCHEDULE), each date seen from `state`; teams may be null.

    Raises ValueError if a date is not after the newest game that the state knows.
    """
    ordered = schedule.sort("game_date", "game_key")
    rows: list[Values] = []
    for (season, date), fixtures in _by_day(ordered):
        seen = game_state.morning(state, season, date)
        rows.extend(game_state.describe(seen, fixture) for fixture in fixtures)
    return _selected(ordered, _context(rows), [])


def replay(
    games: pl.DataFrame, shots: ShotTotals | None = None, start: GameState | None = None
) -> tuple[pl.DataFrame, GameState]:
    """Return context rows (CONTEXT_COLUMNS) of canonical games in order of date and key, and the state after them."""
    ordered = games.sort("game_date", "game_key")
    margins = iter((ordered["home_pts"].cast(pl.Int64) - ordered["away_pts"].cast(pl.Int64)).to_list())
    luck, scorers = _shot_facts(shots)
    state = GameState() if start is None else start.copy()
    rows: list[Values] = []
    for (season, date), fixtures in _by_day(ordered):
        if state.day is not None and game_state.day_number(date) <= state.day:
            raise ValueError(f"game of {date}: the state already knows games up to then; start from an older state")
        game_state.turn_to(state, season, game_state.day_number(date))
        rows.extend(game_state.describe(state, fixture) for fixture in fixtures)
        results = [_result(fixture, float(next(margins)), luck, scorers) for fixture in fixtures]
        game_state.absorb(state, results)
    return _context(rows), state


_Day = tuple[int, dt.date]


def _by_day(ordered: pl.DataFrame) -> list[tuple[_Day, list[Fixture]]]:
    days: dict[_Day, list[Fixture]] = {}
    columns = ordered.select("season", "game_date", "home_team", "away_team", pl.col("stage") != "regular")
    for season, date, home, away, is_playoffs in columns.iter_rows():
        days.setdefault((season, date), []).append(Fixture(season, date, home, away, bool(is_playoffs)))
    return list(days.items())


def _context(rows: list[Values]) -> pl.DataFrame:
    columns = {
        name: pl.Series(name, [None if (value := row.get(name)) is None else float(value) for row in rows], pl.Float64)
        for name in CONTEXT_COLUMNS
    }
    return pl.DataFrame(columns)


def _selected(ordered: pl.DataFrame, context: pl.DataFrame, labels: list[str]) -> pl.DataFrame:
    ids = ordered.select([*SCHEDULE.names(), *labels])
    return select_features(ids.hstack(context), GAME_FEATURES, ids.columns)


def _shot_facts(
    shots: ShotTotals | None,
) -> tuple[Mapping[tuple[dt.date, str], float], Mapping[tuple[dt.date, str], dict[int, float]]]:
    """Return, per date and team, points from threes beyond expectation, and each shooter's field-goal points."""
    if shots is None:
        return {}, {}
    threes = shots.teams.filter(pl.col("bucket").is_in(THREE_BUCKETS))
    beyond = threes.group_by("game_date", "team").agg((pl.col("points") - pl.col("expected_points")).sum())
    luck = {(date, team): float(points) for date, team, points in beyond.iter_rows()}
    scorers: dict[tuple[dt.date, str], dict[int, float]] = {}
    totals = shots.players.group_by("game_date", "team", "player_id").agg(pl.col("points").sum())
    for date, team, player, points in totals.iter_rows():
        scorers.setdefault((date, team), {})[player] = float(points)
    return luck, scorers


def _result(
    fixture: Fixture,
    margin_pts: float,
    luck: Mapping[tuple[dt.date, str], float],
    scorers: Mapping[tuple[dt.date, str], dict[int, float]],
) -> Result:
    home = (fixture.game_date, str(fixture.home_team))
    away = (fixture.game_date, str(fixture.away_team))
    if home not in scorers or away not in scorers:
        return Result(fixture, margin_pts)
    return Result(fixture, margin_pts, luck.get(home, 0.0) - luck.get(away, 0.0), (scorers[home], scorers[away]))
