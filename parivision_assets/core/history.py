"""What was known about players, teams and the league before a date, from small per-game totals.

Totals are small tables, one per season. A *memory* sums them per key over everything dated strictly before a date,
older games counting less; a *state* is all memories as of one date. Training joins memories to shots, serving keeps
one state: both read the same running sums, so that the same date gives the same bits.
What a model makes of these sums is declared in `shot_features`; what happened earlier in the game is in `in_game`.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import polars as pl

from parivision_assets.core.contracts import (
    ACTION_TOTALS,
    PLAYER_GAME_TOTALS,
    TEAM_GAME_TOTALS,
)
from parivision_assets.core.shot_actions import DUNK, action_family, arena
from parivision_assets.core.shot_zones import BUCKETS, DECLARED_RATES, bucket, bucket_points, cell

HISTORY_SEASONS = 3
"""How many calendar seasons before a season are read to build its features."""


@dataclass(frozen=True)
class Totals:
    """Per-game totals of one or more seasons, as `player_game_totals` and its siblings return them."""

    players: pl.DataFrame
    teams: pl.DataFrame
    actions: pl.DataFrame


@dataclass(frozen=True)
class Memory:
    """Which sums are remembered per key, and how fast they fade (half-life in game days, by suffix)."""

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    half_life_game_days: Mapping[str, float]

    def columns(self) -> list[str]:
        """Return the names of the remembered sums."""
        return [f"{self.name}_{value}_{suffix}" for value in self.values for suffix in self.half_life_game_days]

    @property
    def last_date(self) -> str:
        """Return the name of the column that holds the newest date remembered."""
        return f"{self.name}_last_date"


SHOOTER = Memory("shooter", ("player_id",),
                 ("attempts", "excess", "jump_attempts", "jump_excess", "threes", "rim", "dunks", "games"),
                 {"long": 240.0, "short": 20.0})  # fmt: skip
SHOOTER_BUCKET = Memory("shooter_bucket", ("player_id", "bucket"), ("attempts", "excess"), {"long": 320.0})
OFFENCE = Memory("offence", ("team",), ("attempts", "excess", "rim", "threes"), {"long": 50.0})
OFFENCE_BUCKET = Memory("offence_bucket", ("team", "bucket"), ("attempts", "excess"), {"long": 60.0})
DEFENCE = Memory("defence", ("opponent",), ("attempts", "excess", "rim", "threes"), {"long": 50.0})
DEFENCE_BUCKET = Memory("defence_bucket", ("opponent", "bucket"), ("attempts", "excess"), {"long": 60.0})
LEAGUE = Memory("league", ("everyone",), ("attempts", "excess", "jump_attempts", "jump_excess", "rim", "threes"),
                {"long": 240.0, "cell": 80.0, "team": 50.0, "short": 20.0, "now": 10.0})  # fmt: skip
LEAGUE_BUCKET = Memory("league_bucket", ("bucket",), ("attempts", "excess"), {"long": 320.0, "team": 60.0})
LEAGUE_CELL = Memory("league_cell", ("cell",), ("attempts", "makes"), {"recent": 80.0})
ACTION_CELL = Memory("action_cell", ("action_type", "cell"), ("attempts", "makes"), {"long": 80.0})
ACTION = Memory("action", ("action_type",), ("attempts", "excess"), {"long": 80.0, "recent": 20.0, "slow": 240.0})
ARENA_ACTION = Memory("arena_action", ("arena", "action_type"), ("attempts", "excess"), {"slow": 240.0})
SHOOTER_FAMILY = Memory("shooter_family", ("player_id", "family"), ("attempts", "excess"), {"slow": 240.0})
LEAGUE_FAMILY = Memory("league_family", ("family",), ("attempts", "excess"), {"slow": 240.0})
MEMORIES = (
    SHOOTER, SHOOTER_BUCKET, OFFENCE, OFFENCE_BUCKET, DEFENCE, DEFENCE_BUCKET, LEAGUE, LEAGUE_BUCKET, LEAGUE_CELL,
    ACTION_CELL, ACTION, ARENA_ACTION, SHOOTER_FAMILY, LEAGUE_FAMILY,
)  # fmt: skip


EVERYONE = pl.lit(1, pl.Int8)
"""The key of what is remembered of the league as a whole."""


@dataclass(frozen=True)
class GameDays:
    """The days on which games were played; ages count them, so that no memory fades while nobody plays."""

    dates: tuple[dt.date, ...]

    @classmethod
    def of(cls, totals: Totals, season: int | None = None) -> GameDays:
        """Return the days in totals, of all seasons or of one."""
        teams = totals.teams if season is None else totals.teams.filter(pl.col("season") == season)
        return cls(tuple(teams["game_date"].unique().sort()))

    def before(self, day: dt.date) -> int:
        """Return how many game days lie strictly before a day."""
        return bisect.bisect_left(self.dates, day)


@dataclass(frozen=True)
class State:
    """Every memory as of a date: one frame per memory, one row per key."""

    as_of: dt.date
    season_day: int
    """Game days of the season before the date."""
    priors: Mapping[str, float]
    frames: Mapping[str, pl.DataFrame]


def player_game_totals(shots: pl.DataFrame) -> pl.DataFrame:
    """Return attempts, makes and points per player, game, bucket and action family (PLAYER_GAME_TOTALS)."""
    keys = ["season", "game_date", "game_id", "player_id", "team", "bucket", "family"]
    totals = shots.with_columns(bucket=bucket(), family=action_family()).group_by(keys).agg(*_counts())
    return PLAYER_GAME_TOTALS.conform(totals.sort("game_date", "game_id", "player_id", "bucket", "family", "team"))


def team_game_totals(shots: pl.DataFrame) -> pl.DataFrame:
    """Return attempts, makes, points and expected points per team, game and bucket, for and against.

    Expected points value each attempt by the bucket's declared rate, so they compare shot selection across teams.
    """
    keys = ["season", "game_date", "game_id", "team", "opponent", "is_home", "bucket"]
    own = shots.with_columns(bucket=bucket()).group_by(keys).agg(*_counts())
    grid = own.select(keys[:-1]).unique().join(pl.DataFrame({"bucket": BUCKETS}), how="cross")
    own = own.select("game_id", "team", "bucket", "attempts", "makes", "points")
    against = own.rename({name: f"{name}_against" for name in ("attempts", "makes", "points")})
    totals = grid.join(own, on=["game_id", "team", "bucket"], how="left").join(
        against, left_on=["game_id", "opponent", "bucket"], right_on=["game_id", "team", "bucket"], how="left"
    )
    counts = [f"{name}{side}" for name in ("attempts", "makes", "points") for side in ("", "_against")]
    totals = totals.with_columns(pl.col(counts).fill_null(0))
    value = bucket_points() * pl.col("bucket").replace_strict(DECLARED_RATES, return_dtype=pl.Float64)
    totals = totals.with_columns(
        expected_points=pl.col("attempts") * value, expected_points_against=pl.col("attempts_against") * value
    )
    return TEAM_GAME_TOTALS.conform(totals.sort("game_date", "game_id", "team", "bucket"))


def action_totals(shots: pl.DataFrame) -> pl.DataFrame:
    """Return attempts and makes per date, arena, action type and cell (ACTION_TOTALS)."""
    keys = ["season", "game_date", "arena", "action_type", "bucket", "cell"]
    totals = shots.with_columns(bucket=bucket(), cell=cell(), arena=arena()).group_by(keys).agg(*_counts())
    return ACTION_TOTALS.conform(totals.sort("game_date", "arena", "action_type", "cell"))


def season_totals(shots: pl.DataFrame) -> Totals:
    """Return all totals of the seasons in `shots`."""
    return Totals(player_game_totals(shots), team_game_totals(shots), action_totals(shots))


def concat_totals(parts: Iterable[Totals]) -> Totals:
    """Return the totals of several seasons as one; at least one part is needed."""
    parts = list(parts)
    return Totals(
        pl.concat([part.players for part in parts]),
        pl.concat([part.teams for part in parts]),
        pl.concat([part.actions for part in parts]),
    )


def needed_seasons(season: int, available: Iterable[int]) -> list[int]:
    """Return the seasons whose totals a season's features read: itself and the few before it, oldest first."""
    return sorted(year for year in available if season - HISTORY_SEASONS <= year <= season)


def prior_rates(totals: Totals, season: int) -> dict[str, float]:
    """Return each bucket's make rate in the newest season before `season`, or the declared rate where none is.

    Rates are rounded to 20 binary digits: sums of shots beyond them are then exact, in whatever order they are added.
    """
    earlier = totals.teams.filter(pl.col("season") < season)
    newest = earlier.filter(pl.col("season") == pl.col("season").max())
    sums = newest.group_by("bucket").agg(pl.col("attempts").sum(), pl.col("makes").sum())
    known = {name: makes / attempts for name, attempts, makes in sums.iter_rows() if attempts >= 1000}
    return {name: round(known.get(name, DECLARED_RATES[name]) * 2**20) / 2**20 for name in BUCKETS}


def state(totals: Totals, as_of: dt.date, season: int) -> State:
    """Return every memory as of a date: what totals dated strictly before it say.

    `season` names the season being predicted, which decides the priors; totals should hold `needed_seasons`.
    """
    priors, days = prior_rates(totals, season), GameDays.of(totals)
    measured = _measured(totals, priors)
    frames = {}
    for memory in MEMORIES:
        running = _running_sums(memory, measured, days).filter(pl.col(memory.last_date) < as_of)
        newest = running.group_by(memory.keys, maintain_order=True).last().with_columns(_as_of=pl.lit(as_of))
        frames[memory.name] = _faded(newest, memory, "_as_of", days).drop("_as_of")
    return State(as_of, GameDays.of(totals, season).before(as_of), priors, frames)


def join_history(shots: pl.DataFrame, totals: Totals, season: int) -> pl.DataFrame:
    """Return shots of one season with every memory as of the day before each shot's game, and priors."""
    priors, days = prior_rates(totals, season), GameDays.of(totals)
    measured = _measured(totals, priors)
    context = shots.with_columns(**places())
    for memory in MEMORIES:
        running = _running_sums(memory, measured, days).rename({memory.last_date: "known_date"})
        queries = context.select(*memory.keys, "game_date").unique().sort("game_date")
        found = queries.join_asof(
            running.sort("known_date").with_columns(pl.col("known_date").alias(memory.last_date)),
            left_on="game_date", right_on="known_date", by=list(memory.keys), strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )  # fmt: skip
        found = _faded(found, memory, "game_date", days).drop("known_date", strict=False)
        context = context.join(found, on=[*memory.keys, "game_date"], how="left", maintain_order="left")
    played = GameDays.of(totals, season)
    dates = context["game_date"].unique()
    numbers = pl.DataFrame({"game_date": dates, "season_day": [played.before(day) for day in dates]})
    context = context.join(numbers, on="game_date", how="left", maintain_order="left")
    return _completed(context, priors, [(memory, memory.columns()) for memory in MEMORIES])


def join_state(requests: pl.DataFrame, known: State, read: Collection[str] | None = None) -> pl.DataFrame:
    """Return requests with every memory of a state; a request whose key is null gets no memory of it.

    `read` names the columns that somebody will read (default: all); memories of which none is read are left out.
    """
    context = requests.with_columns(**places())
    joined = []
    for memory in MEMORIES:
        frame = known.frames[memory.name]
        wanted = [name for name in frame.columns if read is None or name in read]
        if all(name in memory.keys for name in wanted):
            continue
        frame = frame.select(list(dict.fromkeys([*memory.keys, *wanted])))
        context = context.join(frame, on=list(memory.keys), how="left", maintain_order="left")
        joined.append((memory, [name for name in memory.columns() if name in wanted]))
    return _completed(context.with_columns(season_day=known.season_day), known.priors, joined)


def _running_sums(memory: Memory, measured: Totals, days: GameDays) -> pl.DataFrame:
    """Return, per key and date, the memory's sums through that date in units of weight on the first game day.

    Weights grow as 2^(game days / half-life): dividing by a later day's weight fades the past (`_faded`).
    """
    daily = _daily(memory, measured).sort(*memory.keys, "game_date")
    daily = _with_weights(daily, "game_date", days, memory.half_life_game_days.values())
    names = memory.columns()
    pairs = product(memory.values, memory.half_life_game_days.values())
    weighed = daily.with_columns(
        (pl.col(value).cast(pl.Float64) * pl.col(f"_weight_{half_life}")).alias(name)
        for name, (value, half_life) in zip(names, pairs, strict=True)
    )
    # One grouping for all sums: rows are in key order already.
    grouped = weighed.group_by(memory.keys, maintain_order=True).agg(
        pl.col("game_date").alias(memory.last_date), pl.col(names).cum_sum()
    )
    return grouped.explode(memory.last_date, *names)


def _daily(memory: Memory, measured: Totals) -> pl.DataFrame:
    players, actions = measured.players, measured.actions
    by_source = {"player_id": players, "family": players, "action_type": actions, "cell": actions, "arena": actions}
    source = by_source.get(memory.keys[0], measured.teams)
    sums = [pl.lit(1).alias(value) if value == "games" else pl.col(value).sum() for value in memory.values]
    return source.group_by(*memory.keys, "game_date").agg(sums)


def _measured(totals: Totals, priors: Mapping[str, float]) -> Totals:
    """Return the totals with everything that memories sum, row by row."""
    rates = pl.DataFrame({"bucket": list(priors), "_prior": list(priors.values())})
    jump = (pl.col("bucket") != "rim").cast(pl.Int32)
    three = pl.col("bucket").is_in([name for name in BUCKETS if name.endswith("three")]).cast(pl.Int32)
    excess = pl.col("makes") - pl.col("attempts") * pl.col("_prior")
    measures = (
        excess.alias("excess"),
        (pl.col("attempts") * jump).alias("jump_attempts"),
        (excess * jump).alias("jump_excess"),
        (pl.col("attempts") * three).alias("threes"),
        (pl.col("attempts") * (1 - jump)).alias("rim"),
        EVERYONE.alias("everyone"),
    )
    players, teams, actions = (
        frame.join(rates, on="bucket", how="left", maintain_order="left").with_columns(measures)
        for frame in (totals.players, totals.teams, totals.actions)
    )
    dunks = pl.col("attempts") * (pl.col("family") == DUNK).cast(pl.Int32)
    return Totals(players.with_columns(dunks=dunks), teams, actions)


def places() -> dict[str, pl.Expr]:
    """Return the keys under which a shot is remembered, beside those it names itself."""
    return {
        "bucket": bucket(), "cell": cell(), "arena": arena(), "family": action_family(), "everyone": EVERYONE,
    }  # fmt: skip


def _counts() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    made = pl.col("is_made").cast(pl.Int32)
    return (
        pl.len().cast(pl.Int32).alias("attempts"),
        made.sum().alias("makes"),
        (made * pl.col("points_value").cast(pl.Int32)).sum().alias("points"),
    )


def _with_weights(frame: pl.DataFrame, date: str, days: GameDays, half_lives: Iterable[float]) -> pl.DataFrame:
    """Return the frame with a column `_weight_{half_life}` of 2^(game days before / half-life).

    Plain Python powers, one per date: vectorised ones differ in the last bit with the length of the vector.
    """
    dates = frame[date].unique()
    ages = [days.before(day) for day in dates]
    weights = {f"_weight_{half_life}": [2.0 ** (n / half_life) for n in ages] for half_life in half_lives}
    table = pl.DataFrame({date: dates, **weights}, schema_overrides=dict.fromkeys(weights, pl.Float64))
    return frame.join(table, on=date, how="left", maintain_order="left")


def _faded(running: pl.DataFrame, memory: Memory, as_of: str, days: GameDays) -> pl.DataFrame:
    weighted = _with_weights(running, as_of, days, [-half_life for half_life in memory.half_life_game_days.values()])
    return weighted.with_columns(
        pl.col(f"{memory.name}_{value}_{suffix}") * pl.col(f"_weight_{-half_life}")
        for value in memory.values
        for suffix, half_life in memory.half_life_game_days.items()
    ).drop(pl.selectors.starts_with("_weight_"))


def _completed(
    context: pl.DataFrame, priors: Mapping[str, float], joined: Iterable[tuple[Memory, Sequence[str]]]
) -> pl.DataFrame:
    """Return the context with 0 for sums of known keys that nobody remembers, and each bucket's prior rate."""
    filled = [
        pl.when(pl.all_horizontal(pl.col(key).is_not_null() for key in memory.keys)).then(pl.col(sums).fill_null(0.0))
        for memory, sums in joined
        if sums
    ]
    prior = pl.col("bucket").replace_strict(priors, return_dtype=pl.Float64)
    return context.with_columns(*filled, prior_rate=prior)
