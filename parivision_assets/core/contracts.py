"""Every table's columns, declared once: dtype, unit, range, nullability and when the value becomes known.

Great Expectations suites, Parquet schemas, feature lists, leakage tests and docs are derived from this module.
Reading, repairing and validating belong elsewhere; here are only declarations and what follows from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from parivision_assets.core import court
from parivision_assets.core.row_rules import QUARANTINE_SCHEMA
from parivision_assets.core.shot_actions import FAMILIES
from parivision_assets.core.shot_zones import BUCKETS, CELLS


class KnownAt(StrEnum):
    """The earliest moment at which a column's value is known."""

    PRE_GAME = "pre_game"
    PRE_RELEASE = "pre_release"
    POST_EVENT = "post_event"
    LABEL = "label"


@dataclass(frozen=True)
class Column:
    """One column: what it is, what it may hold and when it is known."""

    name: str
    dtype: type[pl.DataType]
    description: str
    known_at: KnownAt = KnownAt.PRE_GAME
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    nullable: bool = False

    def rule(self) -> str:
        """Return the column's rule in words a person can act on."""
        parts = [] if self.nullable else ["present"]
        if self.minimum is not None or self.maximum is not None:
            low = "-inf" if self.minimum is None else f"{self.minimum:g}"
            high = "inf" if self.maximum is None else f"{self.maximum:g}"
            parts.append(f"within {low} … {high}{' ' + self.unit if self.unit else ''}")
        if self.allowed is not None:
            parts.append("one of " + ", ".join(self.allowed))
        return " and ".join(parts) or "any value"

    def violated(self) -> pl.Expr:
        """Return a boolean expression, true where a row breaks this column's rule."""
        value = pl.col(self.name)
        broken = pl.lit(False) if self.nullable else value.is_null()
        if self.dtype.is_float():
            broken = broken | value.is_nan().fill_null(False)
        if self.minimum is not None:
            broken = broken | (value < self.minimum).fill_null(False)
        if self.maximum is not None:
            broken = broken | (value > self.maximum).fill_null(False)
        if self.allowed is not None:
            broken = broken | (value.is_not_null() & ~value.cast(pl.String).is_in(list(self.allowed)))
        return broken


@dataclass(frozen=True)
class Table:
    """A table's contract: its columns in order and the key that identifies a row."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def schema(self) -> pl.Schema:
        """Return the Polars schema, columns in the declared order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def column(self, name: str) -> Column:
        """Return one column; raise KeyError naming the table if it is not declared."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} declares no column {name}")

    def names(self, known_at: Iterable[KnownAt] | None = None) -> list[str]:
        """Return column names, all of them or those known at the given moments."""
        moments = set(KnownAt) if known_at is None else set(known_at)
        return [column.name for column in self.columns if column.known_at in moments]

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the declared columns in order and cast; raise ValueError naming every missing column."""
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise ValueError(f"table {self.name}: missing column(s) {', '.join(missing)}")
        return frame.select([pl.col(column.name).cast(column.dtype) for column in self.columns])

    def violations(self, frame: pl.DataFrame) -> dict[str, int]:
        """Return how many rows break each rule, the key's uniqueness included; empty when the contract is kept."""
        counts = frame.select(**{rule: broken.sum() for rule, broken in self.broken_rules().items()}).row(0, named=True)
        if self.key:
            counts[self.key_rule()] = int(frame.select(pl.struct(self.key).is_duplicated().sum()).item())
        return {rule: count for rule, count in counts.items() if count}

    def key_rule(self) -> str:
        """Return the key's rule in words."""
        return f"{', '.join(self.key)}: no two rows alike"

    def broken_rules(self) -> dict[str, pl.Expr]:
        """Return, per rule name (`column: rule`), an expression that is true where a row breaks it."""
        return {f"{column.name}: {column.rule()}": column.violated() for column in self.columns}


TEAMS = (
    "ATL", "BKN", "BOS", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW", "HOU", "IND", "LAC", "LAL", "MEM",
    "MIA", "MIL", "MIN", "NOP", "NYK", "OKC", "ORL", "PHI", "PHX", "POR", "SAC", "SAS", "TOR", "UTA", "WAS",
)  # fmt: skip
"""Franchises by today's code in all years: NJN is BKN, SEA is OKC, NOH and NOK are NOP."""

ZONES = (
    "Restricted Area", "In The Paint (Non-RA)", "Mid-Range", "Left Corner 3", "Right Corner 3",
    "Above the Break 3", "Backcourt",
)  # fmt: skip
"""The scorers' basic zones."""

SIDES = ("Left Side", "Left Side Center", "Center", "Right Side Center", "Right Side", "Back Court")
RANGES = ("Less Than 8 ft.", "8-16 ft.", "16-24 ft.", "24+ ft.", "Back Court Shot")
STAGES = ("regular", "play_in", "playoffs")
REPAIRS = ("none", "double_conversion_undone", "mirror_undone", "double_conversion_and_mirror_undone")
RIM_RULES = ("kept", "default_spot_excluded", "leaking_rim_excluded")

_SEASON = Column("season", pl.Int16, "Year in which the season ends", minimum=1947, maximum=2100)
_GAME_DATE = Column("game_date", pl.Date, "Local date of the game")

SHOTS = Table(
    name="validated_shots",
    description="One row per field-goal attempt, repaired and typed; hoop-centred feet, x negative on the left.",
    key=("game_id", "shot_number"),
    columns=(
        _SEASON,
        _GAME_DATE,
        Column("game_id", pl.Int64, "Publisher's game number", minimum=1),
        Column("shot_number", pl.Int16, "Order within the game by clock; ties keep a stable order", minimum=1),
        Column("team", pl.String, "Shooting team", allowed=TEAMS),
        Column("opponent", pl.String, "Defending team", allowed=TEAMS),
        Column("is_home", pl.Boolean, "Whether the shooting team plays at home"),
        Column("player_id", pl.Int64, "Publisher's player number", minimum=1),
        Column("player_name", pl.String, "Player's name as published"),
        Column("position_group", pl.String, "G, F or C", allowed=("G", "F", "C"), nullable=True),
        Column("quarter", pl.Int8, "Period, overtime from 5", KnownAt.PRE_RELEASE, minimum=1, maximum=14),
        Column("clock_s", pl.Int16, "Seconds left in the period", KnownAt.PRE_RELEASE, "s", 0, 720),
        # Recorded coordinates carry the outcome in some seasons: features use spot_*, which are free of it.
        Column("x_ft", pl.Float32, "Across the court from the hoop as recorded; not a feature, see spot_x_ft",
               KnownAt.POST_EVENT, "ft", -court.HALF_WIDTH_FT, court.HALF_WIDTH_FT),
        Column("y_ft", pl.Float32, "Towards half-court from the hoop as recorded; not a feature, see spot_y_ft",
               KnownAt.POST_EVENT, "ft", court.MIN_Y_FT, court.MAX_Y_FT),
        Column("distance_ft", pl.Float32, "From the hoop's centre as recorded; not a feature, see spot_distance_ft",
               KnownAt.POST_EVENT, "ft", 0, court.MAX_DISTANCE_FT),
        Column("angle_deg", pl.Float32, "Angle from straight on as recorded; not a feature, see spot_angle_deg",
               KnownAt.POST_EVENT, "deg", -180, 180),
        Column("spot_x_ft", pl.Float32, "x_ft where the spot is an observation, null where rim_rule excludes it",
               KnownAt.PRE_RELEASE, "ft", -court.HALF_WIDTH_FT, court.HALF_WIDTH_FT, nullable=True),
        Column("spot_y_ft", pl.Float32, "y_ft likewise", KnownAt.PRE_RELEASE, "ft", court.MIN_Y_FT, court.MAX_Y_FT,
               nullable=True),
        Column("spot_distance_ft", pl.Float32, "distance_ft likewise", KnownAt.PRE_RELEASE, "ft",
               0, court.MAX_DISTANCE_FT, nullable=True),
        Column("spot_angle_deg", pl.Float32, "angle_deg likewise", KnownAt.PRE_RELEASE, "deg", -180, 180,
               nullable=True),
        Column("is_at_rim", pl.Boolean, "Within 4 ft of the hoop; known for every shot", KnownAt.PRE_RELEASE),
        Column("rim_rule", pl.String, "Declared rule about spots at the rim that applied", KnownAt.POST_EVENT,
               allowed=RIM_RULES),
        Column("points_value", pl.Int8, "Points if made: 2 or 3", KnownAt.PRE_RELEASE, "pts", 2, 3),
        Column("recorded_distance_ft", pl.Int16, "The scorer's whole feet", KnownAt.POST_EVENT, "ft", 0, 95),
        Column("zone", pl.String, "Basic zone as labelled", KnownAt.POST_EVENT, allowed=ZONES),
        Column("side", pl.String, "Side as labelled", KnownAt.POST_EVENT, allowed=SIDES),
        Column("range_band", pl.String, "Distance band as labelled", KnownAt.POST_EVENT, allowed=RANGES),
        Column("action_type", pl.String, "The scorer's description of the shot", KnownAt.POST_EVENT),
        Column("defender_distance_ft", pl.Float32, "Closest defender", KnownAt.PRE_RELEASE, "ft", 0, 60, nullable=True),
        Column("shot_clock_s", pl.Float32, "Shot clock at release", KnownAt.PRE_RELEASE, "s", 0, 24, nullable=True),
        Column("dribbles", pl.Int16, "Dribbles before the shot", KnownAt.PRE_RELEASE, "", 0, 60, nullable=True),
        Column("touch_time_s", pl.Float32, "Time the shooter held the ball", KnownAt.PRE_RELEASE, "s", 0, 30,
               nullable=True),
        Column("coordinate_repair", pl.String, "Declared repair that was applied", KnownAt.POST_EVENT,
               allowed=REPAIRS),
        Column("is_made", pl.Boolean, "Whether the shot went in", KnownAt.LABEL),
    ),
)  # fmt: skip

GAMES = Table(
    name="validated_games",
    description="One row per regular-season or playoff game, archives merged, with the closing market where known.",
    key=("game_key",),
    columns=(
        _SEASON,
        _GAME_DATE,
        Column("game_key", pl.String, "date_AWAY_HOME, for example 2016-10-25_NYK_CLE"),
        Column("game_id", pl.Int64, "NBA game number where the games archive has it", minimum=1, nullable=True),
        Column("stage", pl.String, "Regular season, play-in or playoffs", allowed=STAGES),
        Column("home_team", pl.String, "Home franchise", allowed=TEAMS),
        Column("away_team", pl.String, "Away franchise", allowed=TEAMS),
        Column("home_pts", pl.Int16, "Home score", KnownAt.LABEL, "pts", 30, 250),
        Column("away_pts", pl.Int16, "Away score", KnownAt.LABEL, "pts", 30, 250),
        Column("is_home_win", pl.Boolean, "Whether the home team won", KnownAt.LABEL),
        Column("closing_spread_home_pts", pl.Float32, "Closing spread, negative when home is favoured",
               KnownAt.PRE_GAME, "pts", -60, 60, nullable=True),
        Column("closing_total_pts", pl.Float32, "Closing total", KnownAt.PRE_GAME, "pts", 100, 320, nullable=True),
        Column("closing_home_probability", pl.Float64, "Closing moneylines without the vig; a benchmark, no input",
               KnownAt.PRE_GAME, "", 0, 1, nullable=True),
        Column("sources", pl.String, "Archives that hold this game", allowed=("odds", "games", "both")),
    ),
)  # fmt: skip

SCHEDULE = Table(
    name="game_schedule",
    description="Games to come: date and teams, never a score, a moneyline or a total.",
    key=("game_key",),
    columns=(
        _SEASON,
        _GAME_DATE,
        GAMES.column("game_key"),
        GAMES.column("stage"),
        GAMES.column("home_team"),
        GAMES.column("away_team"),
    ),
)

_COUNTS = (
    Column("attempts", pl.Int32, "Field-goal attempts", KnownAt.LABEL, minimum=0),
    Column("makes", pl.Int32, "Field goals made", KnownAt.LABEL, minimum=0),
    Column("points", pl.Int32, "Points of the field goals made", KnownAt.LABEL, "pts", minimum=0),
)
_BUCKET = Column("bucket", pl.String, "Where shots were taken, by geometry", allowed=BUCKETS)

PLAYER_GAME_TOTALS = Table(
    name="player_game_totals",
    description="One row per player, game, bucket and family of actions in which the player took a shot.",
    key=("game_id", "player_id", "team", "bucket", "family"),
    columns=(
        _SEASON,
        _GAME_DATE,
        Column("game_id", pl.Int64, "Publisher's game number", minimum=1),
        Column("player_id", pl.Int64, "Publisher's player number", minimum=1),
        Column("team", pl.String, "Shooting team", allowed=TEAMS),
        _BUCKET,
        Column("family", pl.String, "Family of the scorers' descriptions", KnownAt.POST_EVENT, allowed=FAMILIES),
        *_COUNTS,
    ),
)

TEAM_GAME_TOTALS = Table(
    name="team_game_totals",
    description="One row per team, game and bucket: shots for and against, empty buckets included.",
    key=("game_id", "team", "bucket"),
    columns=(
        _SEASON,
        _GAME_DATE,
        Column("game_id", pl.Int64, "Publisher's game number", minimum=1),
        Column("team", pl.String, "Team", allowed=TEAMS),
        Column("opponent", pl.String, "Its opponent", allowed=TEAMS),
        Column("is_home", pl.Boolean, "Whether the team plays at home"),
        _BUCKET,
        *_COUNTS,
        Column("attempts_against", pl.Int32, "Opponent's attempts", KnownAt.LABEL, minimum=0),
        Column("makes_against", pl.Int32, "Opponent's makes", KnownAt.LABEL, minimum=0),
        Column("points_against", pl.Int32, "Opponent's field-goal points", KnownAt.LABEL, "pts", minimum=0),
        Column("expected_points", pl.Float64, "Attempts at the bucket's declared rate and value", KnownAt.LABEL,
               "pts", minimum=0),
        Column("expected_points_against", pl.Float64, "The same for the opponent", KnownAt.LABEL, "pts", minimum=0),
    ),
)  # fmt: skip

ACTION_TOTALS = Table(
    name="action_totals",
    description="One row per date, arena, action type and cell: attempts and makes as its scorers described them.",
    key=("game_date", "arena", "action_type", "cell"),
    columns=(
        _SEASON,
        _GAME_DATE,
        Column("arena", pl.String, "Home team, whose scorers described the shots", allowed=TEAMS),
        Column("action_type", pl.String, "The scorer's description of the shot"),
        _BUCKET,
        Column("cell", pl.String, "The bucket, rings told apart at the rim", allowed=CELLS),
        *_COUNTS,
    ),
)


def _quarantine(name: str, what: str) -> Table:
    columns = tuple(
        Column(column, type(dtype), f"{column} of the refused row", nullable=True)
        for column, dtype in QUARANTINE_SCHEMA.items()
    )
    return Table(name, f"{what} that broke a row rule, with the rule, the value and what to do next", columns,
                 ("archive", "source_file", "source_row"))  # fmt: skip


QUARANTINED_SHOTS = _quarantine("quarantined_shots", "Published shots")
QUARANTINED_GAMES = _quarantine("quarantined_games", "Published games")

PROMOTION_DECISIONS = Table(
    name="promotion_decisions",
    description="The ledger as a table: every promotion, refusal, rollback and release with its reason.",
    key=("sequence",),
    columns=(
        Column("sequence", pl.Int64, "Number of the ledger entry", minimum=1),
        Column("recorded_at", pl.String, "Moment of the entry, UTC"),
        Column("kind", pl.String, "What the entry records"),
        Column("target", pl.String, "Target it concerns"),
        Column("verdict", pl.String, "promote, keep or not_enough_data", nullable=True),
        Column("season", pl.Int64, "Season on which was judged", nullable=True),
        Column("challenger", pl.String, "Bundle of the challenger", nullable=True),
        Column("champion", pl.String, "Bundle or baseline that it met", nullable=True),
        Column("mean_gain_nats", pl.Float64, "Mean log loss gained per game", unit="nats", nullable=True),
        Column("actor", pl.String, "Who asked"),
        Column("reason", pl.String, "Why, in words"),
        Column("digest", pl.String, "Digest of the entry"),
    ),
)

SHOT_CHARTS = Table(
    name="shot_charts",
    description="Attempts, makes and the champion's expected value per player, team and defence, by place.",
    key=("kind", "subject", "bucket"),
    columns=(
        _SEASON,
        Column("kind", pl.String, "Whose chart: a player's, a team's, or what a defence allows",
               allowed=("player", "team", "defence")),
        Column("subject", pl.String, "Player number or team code"),
        _BUCKET,
        Column("attempts", pl.Int64, "Field-goal attempts", minimum=1),
        Column("makes", pl.Int64, "Field goals made", minimum=0),
        Column("expected_makes", pl.Float64, "Sum of the champion's probabilities", minimum=0),
        Column("points", pl.Int64, "Points of the field goals made", unit="pts", minimum=0),
        Column("expected_points", pl.Float64, "Sum of probability times value", unit="pts", minimum=0),
    ),
)  # fmt: skip

TEAM_STATES = Table(
    name="team_states",
    description="Everything remembered about teams at the end of a season, from which the next one is replayed.",
    key=("season",),
    columns=(
        _SEASON,
        Column("lineage", pl.String, "Digest of every table that the state was made from"),
        Column("state", pl.String, "The state as JSON"),
    ),
)

SHOT_LEAKS = Table(
    name="shot_leaks",
    description="How much each column alone says about a shot's outcome, beyond the place of the shot.",
    key=("column",),
    columns=(
        _SEASON,
        Column("column", pl.String, "Probed column"),
        Column("rows", pl.Int64, "Shots", minimum=1),
        Column("values", pl.Int64, "Different values", minimum=0),
        Column("gain_nats", pl.Float64, "Log loss that the column saves per shot", KnownAt.LABEL, "nats"),
        Column("se_nats", pl.Float64, "Its standard error", KnownAt.LABEL, "nats", minimum=0),
    ),
)

GAME_PREDICTIONS = Table(
    name="game_predictions",
    description="The champion's probability for each coming game, every version kept with the day it was made.",
    key=("as_of_date", "game_key", "champion"),
    columns=(
        Column("as_of_date", pl.Date, "The platform's date when the prediction was made"),
        *SCHEDULE.columns,
        Column("home_probability", pl.Float64, "Probability that the home team wins", minimum=0, maximum=1),
        Column("champion", pl.String, "Bundle that predicted"),
        Column("state_version", pl.String, "Digest of the team state that was read"),
    ),
)
