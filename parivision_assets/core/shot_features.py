"""The features of a shot, each a small expression over one context row, and how context rows come about.

A context row is a canonical shot, its history (`history`), and the game so far (`in_game`). Training builds it by
joining a season's totals, serving from a state; from there both compute the same expressions.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from parivision_assets.core import court, history, in_game
from parivision_assets.core.contracts import SHOTS, Column, KnownAt
from parivision_assets.core.features import Feature, feature_table, select_features

LOCATION, SHOOTER, TEAMS, CLOCK, IN_GAME, ACTION, DEFENDER = (
    "location", "shooter", "teams", "clock", "in_game", "action", "defender",
)  # fmt: skip

_PRE_GAME, _PRE_RELEASE, _POST_EVENT = KnownAt.PRE_GAME, KnownAt.PRE_RELEASE, KnownAt.POST_EVENT
_RIM_FT = court.RESTRICTED_AREA_RADIUS_FT


def _shrunk(
    memory: str, strength: float, league: str = "league_{}_long", prefix: str = "", suffix: str = "long"
) -> pl.Expr:
    """Return excess makes per attempt beyond the league's own, pulled to zero as if by `strength` average attempts.

    `league` names the sums that say how the league as a whole has moved since the priors were taken.
    """
    excess, attempts = (pl.col(f"{memory}_{prefix}{name}_{suffix}") for name in ("excess", "attempts"))
    league_excess, league_attempts = (pl.col(league.format(f"{prefix}{name}")) for name in ("excess", "attempts"))
    return (excess - attempts * league_excess / (league_attempts + 1)) / (attempts + strength)


def _share(memory: str, part: str, strength: float, league: str) -> pl.Expr:
    """Return a share of attempts beyond the league's own, pulled to zero likewise."""
    count, attempts = pl.col(f"{memory}_{part}_long"), pl.col(f"{memory}_attempts_long")
    level = pl.col(f"league_{part}_{league}") / (pl.col(f"league_attempts_{league}") + 1)
    return (count - attempts * level) / (attempts + strength)


def _level(suffix: str) -> pl.Expr:
    """Return the league's excess makes per attempt over one memory."""
    return pl.col(f"league_excess_{suffix}") / (pl.col(f"league_attempts_{suffix}") + 1)


_LEAGUE_RATE = (
    (pl.col("league_cell_makes_recent") + 100 * pl.col("prior_rate")) / (pl.col("league_cell_attempts_recent") + 100)
    + _level("now")
    - _level("cell")
)
_TEAM, _TEAM_BUCKET = "league_{}_team", "league_bucket_{}_team"
_ACTION_SKILL = _shrunk("action", 100, "league_{}_cell")
# Labels move within a season: how far an action's recent weeks are from its longer memory, or the league's are.
_ACTION_SHIFT = (
    pl.col("action_excess_recent")
    - pl.col("action_attempts_recent") * pl.col("action_excess_long") / (pl.col("action_attempts_long") + 1)
    + 400 * (_level("now") - _level("cell"))
) / (pl.col("action_attempts_recent") + 400)

LOCATION_FEATURES = (
    Feature("is_at_rim", "Whether the shot is taken at the rim", "", _PRE_RELEASE, LOCATION, pl.col("is_at_rim")),
    Feature("spot_distance_ft", "Distance from the hoop; missing at the rim where spots are no observations", "ft",
            _PRE_RELEASE, LOCATION, pl.col("spot_distance_ft")),
    Feature("spot_x_ft", "Across the court", "ft", _PRE_RELEASE, LOCATION, pl.col("spot_x_ft")),
    Feature("spot_y_ft", "Towards half-court", "ft", _PRE_RELEASE, LOCATION, pl.col("spot_y_ft")),
    Feature("abs_angle_deg", "Angle off straight on", "deg", _PRE_RELEASE, LOCATION, pl.col("spot_angle_deg").abs()),
    Feature("points_value", "Points if made", "pts", _PRE_RELEASE, LOCATION, pl.col("points_value")),
    Feature("league_rate", "League's make rate where the shot is taken, over the last weeks", "", _PRE_GAME, LOCATION,
            _LEAGUE_RATE),
    Feature("season_day", "Game days of the season so far, at most 60: rates rise from autumn to winter", "d",
            _PRE_GAME, LOCATION, pl.col("season_day").clip(0, 60)),
)  # fmt: skip

SHOOTER_FEATURES = (
    Feature("shooter_skill", "Shooter's excess makes per attempt, everywhere", "", _PRE_GAME, SHOOTER,
            _shrunk("shooter", 150)),
    Feature("shooter_jump_skill", "Shooter's excess makes per attempt away from the rim", "", _PRE_GAME, SHOOTER,
            _shrunk("shooter", 150, prefix="jump_")),
    Feature("shooter_bucket_skill", "Shooter's excess makes per attempt in the shot's bucket", "", _PRE_GAME, SHOOTER,
            _shrunk("shooter_bucket", 120, "league_bucket_{}_long")),
    Feature("shooter_form", "Shooter's excess makes per attempt over the last weeks", "", _PRE_GAME, SHOOTER,
            _shrunk("shooter", 150, "league_{}_short", suffix="short")),
    Feature("shooter_attempts", "Shooter's remembered attempts", "", _PRE_GAME, SHOOTER,
            pl.col("shooter_attempts_long")),
    Feature("shooter_bucket_share", "Share of the shooter's attempts in the shot's bucket", "", _PRE_GAME, SHOOTER,
            (pl.col("shooter_bucket_attempts_long") + 10) / (pl.col("shooter_attempts_long") + 70)),
    Feature("shooter_three_share", "Share of the shooter's attempts that are threes", "", _PRE_GAME, SHOOTER,
            _share("shooter", "threes", 50, "long")),
    Feature("shooter_dunk_share", "Share of dunks among the shooter's earlier attempts at the rim", "", _PRE_GAME,
            SHOOTER, (pl.col("shooter_dunks_long") + 4) / (pl.col("shooter_rim_long") + 20)),
    Feature("shooter_volume", "Shooter's attempts per game over the last weeks", "", _PRE_GAME, SHOOTER,
            (pl.col("shooter_attempts_short") + 8) / (pl.col("shooter_games_short") + 1)),
    Feature("shooter_rest_days", "Days since the shooter's last game, at most 30", "d", _PRE_GAME, SHOOTER,
            (pl.col("game_date") - pl.col("shooter_last_date")).dt.total_days().clip(0, 30)),
    Feature("position", "Shooter's position: 0 guard, 1 forward, 2 centre", "", _PRE_GAME, SHOOTER,
            pl.col("position_group").replace_strict({"G": 0, "F": 1, "C": 2}, default=None)),
)  # fmt: skip

TEAM_FEATURES = (
    Feature("is_home", "Whether the shooter plays at home", "", _PRE_GAME, TEAMS, pl.col("is_home")),
    Feature("offence_skill", "Team's excess makes per attempt", "", _PRE_GAME, TEAMS,
            _shrunk("offence", 800, _TEAM)),
    Feature("defence_skill", "Excess makes per attempt that the opponent allows", "", _PRE_GAME, TEAMS,
            _shrunk("defence", 800, _TEAM)),
    Feature("offence_bucket_skill", "Team's excess makes per attempt in the shot's bucket", "", _PRE_GAME, TEAMS,
            _shrunk("offence_bucket", 500, _TEAM_BUCKET)),
    Feature("defence_bucket_skill", "Excess makes per attempt in the bucket that the opponent allows", "", _PRE_GAME,
            TEAMS, _shrunk("defence_bucket", 500, _TEAM_BUCKET)),
    Feature("offence_rim_share", "Share of the team's attempts at the rim", "", _PRE_GAME, TEAMS,
            _share("offence", "rim", 200, "team")),
    Feature("defence_rim_share", "Share of the attempts at the rim that the opponent allows", "", _PRE_GAME, TEAMS,
            _share("defence", "rim", 200, "team")),
    Feature("team_rest_days", "Days since the team's last game, at most 7", "d", _PRE_GAME, TEAMS,
            (pl.col("game_date") - pl.col("offence_last_date")).dt.total_days().clip(0, 7)),
    Feature("opponent_rest_days", "Days since the opponent's last game, at most 7", "d", _PRE_GAME, TEAMS,
            (pl.col("game_date") - pl.col("defence_last_date")).dt.total_days().clip(0, 7)),
)  # fmt: skip

CLOCK_FEATURES = (
    Feature("clock_s", "Seconds left in the period", "s", _PRE_RELEASE, CLOCK, pl.col("clock_s")),
    Feature("quarter", "Period, overtime from 5", "", _PRE_RELEASE, CLOCK, pl.col("quarter")),
    Feature("fg_margin_pts", "Lead in field-goal points before the shot", "pts", _PRE_RELEASE, CLOCK,
            pl.col("fg_margin_pts")),
)  # fmt: skip

IN_GAME_FEATURES = (
    Feature("last_since_s", "Seconds since the last shot of the period, at most 60", "s", _PRE_RELEASE, IN_GAME,
            pl.col("last_since_s").clip(0, 60)),
    Feature("last_kind", "Last shot: 0 own miss, 1 own make, 2 opponent's miss, 3 opponent's make", "", _PRE_RELEASE,
            IN_GAME, 2 * (~pl.col("last_same_team")).cast(pl.Int8) + pl.col("last_made").cast(pl.Int8)),
    Feature("last_same_player", "Whether the shooter took the last shot too", "", _PRE_RELEASE, IN_GAME,
            pl.col("last_same_player")),
    Feature("last_distance_ft", "Distance of the last shot, not told apart near the rim", "ft", _PRE_RELEASE, IN_GAME,
            pl.col("last_distance_ft")),
    Feature("own_attempts", "Shooter's earlier attempts in the game", "", _PRE_RELEASE, IN_GAME,
            pl.col("own_attempts")),
    Feature("own_rate", "Shooter's earlier make rate in the game, pulled to a half", "", _PRE_RELEASE, IN_GAME,
            (pl.col("own_makes") + 2) / (pl.col("own_attempts") + 4)),
    Feature("own_last_made", "Whether the shooter's last attempt of the game went in", "", _PRE_RELEASE, IN_GAME,
            pl.col("own_last_made")),
    Feature("team_rate", "Team's earlier make rate in the game, pulled to a half", "", _PRE_RELEASE, IN_GAME,
            (pl.col("team_makes") + 10) / (pl.col("team_attempts") + 20)),
    Feature("game_pace", "Shots per minute played so far", "1/min", _PRE_RELEASE, IN_GAME,
            (pl.col("game_attempts") + 12) / (pl.col("elapsed_s") / 60 + 3.4)),
)  # fmt: skip


def _beyond(memory: str, league: str, strength: float) -> pl.Expr:
    """Return a memory's excess per attempt beyond the league's of the same kind, pulled to zero."""
    attempts = pl.col(f"{memory}_attempts_slow")
    level = pl.col(f"{league}_excess_slow") / pl.max_horizontal(pl.col(f"{league}_attempts_slow"), pl.lit(1.0))
    return (pl.col(f"{memory}_excess_slow") - attempts * level) / (attempts + strength)


ACTION_FEATURES = (
    Feature("action_rate", "League's make rate of the action there, over the last weeks", "", _POST_EVENT,
            ACTION,
            (pl.col("action_cell_makes_long") + 60 * (_LEAGUE_RATE + _ACTION_SKILL))
            / (pl.col("action_cell_attempts_long") + 60) + _ACTION_SHIFT),
    Feature("action_skill", "League's excess makes per attempt of the action over the last weeks", "", _POST_EVENT,
            ACTION, _ACTION_SKILL),
    Feature("action_type", "The scorer's description of the shot", "", _POST_EVENT, ACTION, pl.col("action_type"),
            dtype=pl.String),
    Feature("arena_action_skill", "Excess makes per attempt of the action at the arena, beyond the league's: how its "
            "scorers use the label", "", _POST_EVENT, ACTION, _beyond("arena_action", "action", 150),
            also_needs=(TEAMS,)),
    Feature("shooter_family_skill", "Shooter's excess makes per attempt in the action's family, beyond the league's",
            "", _POST_EVENT, ACTION, _beyond("shooter_family", "league_family", 60), also_needs=(SHOOTER,)),
)  # fmt: skip

PRE_RELEASE_FEATURES = (
    *LOCATION_FEATURES, *SHOOTER_FEATURES, *TEAM_FEATURES, *CLOCK_FEATURES, *IN_GAME_FEATURES,
)  # fmt: skip
POST_EVENT_FEATURES = (*PRE_RELEASE_FEATURES, *ACTION_FEATURES)
DEFENDER_FEATURES = (
    Feature("defender_distance_ft", "Distance of the closest defender", "ft", _PRE_RELEASE, DEFENDER,
            pl.col("defender_distance_ft"), minimum=0, maximum=60),
    Feature("shot_clock_s", "Shot clock at release", "s", _PRE_RELEASE, DEFENDER, pl.col("shot_clock_s"),
            minimum=0, maximum=24),
)  # fmt: skip
FEATURES = (*POST_EVENT_FEATURES, *DEFENDER_FEATURES)

IDS = (
    "season", "game_date", "game_id", "shot_number", "team", "opponent", "player_id", "zone", "is_made",
)  # fmt: skip
"""Columns that travel with the features: keys, the baseline's zone, the label. No model reads them."""

SHOT_FEATURES = feature_table(
    "shot_features",
    "One row per shot: what was known before it, and the label.",
    (*(SHOTS.column(name) for name in IDS), Column("bucket", pl.String, "Where the shot was taken, by geometry")),
    FEATURES,
    key=("game_id", "shot_number"),
)


_IN_GAME_DTYPES: dict[str, type[pl.DataType]] = {
    name: {"last_distance_ft": pl.Float32}.get(name, pl.Boolean if name in in_game.FLAGS else pl.Int32)
    for name in in_game.COLUMNS
}
REQUEST_SCHEMA: dict[str, type[pl.DataType]] = {
    **{
        name: SHOTS.column(name).dtype
        for name in (
            "team", "opponent", "is_home", "player_id", "position_group", "quarter", "clock_s", "spot_x_ft",
            "spot_y_ft", "spot_distance_ft", "spot_angle_deg", "is_at_rim", "points_value", "action_type",
            "defender_distance_ft", "shot_clock_s", "game_date",
        )
    },
    **_IN_GAME_DTYPES,
}  # fmt: skip
"""What a request for a prediction may say about a shot."""


def shot_features(shots: pl.DataFrame, totals: history.Totals, season: int) -> pl.DataFrame:
    """Return the feature table (SHOT_FEATURES) of one season's canonical shots.

    `shots` holds the season's games whole, so that the game so far is known; `totals` holds the seasons that
    `history.needed_seasons` names, this one included.
    """
    context = history.join_history(in_game.with_earlier_events(shots), totals, season)
    return SHOT_FEATURES.conform(select_features(context, FEATURES, [*IDS, "bucket"]))


def features_from_state(requests: pl.DataFrame, known: history.State) -> pl.DataFrame:
    """Return one row of FEATURES per request, in order, from a state: what training would have computed.

    A request names a shot as `complete_requests` says. Its game so far, where known, comes as the columns of
    `in_game.COLUMNS` (see `in_game.with_earlier_events`); whatever is absent or null is a withheld input.
    """
    context = history.join_state(complete_requests(requests, known.as_of), known)
    return select_features(context, FEATURES, [])


def complete_requests(requests: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Return requests with every column that features read, typed; absent ones are null.

    Needed: spot_x_ft and spot_y_ft, in hoop-centred feet. What follows from them where absent is in `derived`;
    `game_date` is then the state's date.
    """
    known = {name: dtype for name, dtype in REQUEST_SCHEMA.items() if name not in requests.columns}
    filled = requests.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in known.items())
    filled = filled.with_columns(pl.col(name).cast(dtype) for name, dtype in REQUEST_SCHEMA.items())
    filled = filled.with_columns(pl.col("game_date").fill_null(as_of))
    for step in derived():
        filled = filled.with_columns(**step)
    return filled


def derived() -> tuple[dict[str, pl.Expr], ...]:
    """Return what follows from the rest of a request where it is absent, step by step, by column of REQUEST_SCHEMA."""
    x, y = pl.col("spot_x_ft"), pl.col("spot_y_ft")
    value = pl.when(court.is_beyond_arc(x, y)).then(3).otherwise(2).cast(pl.Int8)
    return (
        {
            "spot_distance_ft": pl.col("spot_distance_ft").fill_null(court.distance_ft(x, y)),
            "spot_angle_deg": pl.col("spot_angle_deg").fill_null(court.angle_deg(x, y)),
            "points_value": pl.col("points_value").fill_null(value),
            "elapsed_s": pl.col("elapsed_s").fill_null(in_game.elapsed_s()),
        },
        {"is_at_rim": pl.col("is_at_rim").fill_null(pl.col("spot_distance_ft") < _RIM_FT)},
    )


def context_of(features: tuple[Feature, ...], name: str) -> tuple[str, ...]:
    """Return the names of the features of one context."""
    return tuple(feature.name for feature in features if feature.context == name)
