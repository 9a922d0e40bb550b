"""From a published shots archive to canonical shots: duplicates, row rules, coordinate repair, order within the game.

How a repair is chosen is in `coordinates`, the rules are in `shot_rules`; reading files belongs to the sources.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from parivision_assets.core import contracts, coordinates, court, game_numbers, rim, shot_teams, team_codes
from parivision_assets.core.coordinates import CoordinateEvidence
from parivision_assets.core.row_rules import QUARANTINE_SCHEMA, RowRule, merge_quarantines, nest_raw, quarantine
from parivision_assets.core.shot_rules import rules_without
from parivision_assets.core.tracking import ATTACHED

ARCHIVE = "shots"
COLUMNS = (
    "SEASON_1", "SEASON_2", "TEAM_ID", "TEAM_NAME", "PLAYER_ID", "PLAYER_NAME", "POSITION_GROUP", "POSITION",
    "GAME_DATE", "GAME_ID", "HOME_TEAM", "AWAY_TEAM", "EVENT_TYPE", "SHOT_MADE", "ACTION_TYPE", "SHOT_TYPE",
    "BASIC_ZONE", "ZONE_NAME", "ZONE_ABB", "ZONE_RANGE", "LOC_X", "LOC_Y", "SHOT_DISTANCE", "QUARTER", "MINS_LEFT",
    "SECS_LEFT",
)  # fmt: skip
"""The archive's published columns."""
OPTIONAL_COLUMNS = ("POSITION_GROUP", "POSITION")


@dataclass(frozen=True)
class ShotReport:
    """What cleaning one frame found, for the assets' metadata; every number is a count of rows unless named."""

    rows: int
    duplicates_dropped: int
    valid: int
    quarantined: int
    quarantined_by_rule: dict[str, int]
    repairs: dict[str, int]
    games_by_repair: dict[str, int]
    evidence_published: CoordinateEvidence
    evidence_repaired: CoordinateEvidence
    rim_rules: dict[str, int]
    default_spots: tuple[rim.DefaultSpot, ...]
    renumbered_games: int
    renumbered: int
    same_second: int
    without_position: int
    seasons: tuple[int, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class CleanedShots:
    """Canonical shots (contracts.SHOTS), the rows that broke a rule (row_rules.QUARANTINE_SCHEMA), and the counts."""

    valid: pl.DataFrame
    quarantined: pl.DataFrame
    report: ShotReport


def clean_shots(raw: pl.DataFrame, released: Collection[str] = ()) -> CleanedShots:
    """Return one season's (or day's) published rows as canonical shots, with what was refused and why.

    `raw` holds COLUMNS plus source_file and source_row; raises ValueError naming every missing column. Exact
    duplicates are dropped and counted; a row that breaks a rule is quarantined under the first rule it breaks.
    `released` names rules whose rows a person has let through; ValueError names one that cannot be released.
    """
    raw = _with_optional_columns(raw)
    distinct = drop_duplicates(raw)
    parsed = _parse(distinct)
    kept, refused = _split(parsed, distinct.columns, rules_without(released))
    shots = _canonical(kept)
    defaults = rim.default_spots(shots)
    valid = contracts.SHOTS.conform(rim.with_known_spots(shots, defaults))
    report = _report(raw, distinct, parsed, valid, refused, defaults)
    return CleanedShots(valid, refused, report)


def drop_duplicates(raw: pl.DataFrame) -> pl.DataFrame:
    """Return the rows without exact repetitions of all published columns, first occurrences kept in order."""
    published = [name for name in raw.columns if name not in {"source_file", "source_row"}]
    # Hashing first leaves a handful of candidates for the exact comparison.
    candidates = raw.select(published).hash_rows(seed=0).is_duplicated()
    if not candidates.any():
        return raw
    repeated = raw.with_row_index("_row").filter(candidates)
    dropped = repeated.filter(~repeated.select(pl.struct(published).is_first_distinct()).to_series())["_row"]
    return raw.with_row_index("_row").filter(~pl.col("_row").is_in(dropped.implode())).drop("_row")


def _with_optional_columns(raw: pl.DataFrame) -> pl.DataFrame:
    needed = [name for name in (*COLUMNS, "source_file", "source_row") if name not in OPTIONAL_COLUMNS]
    missing = [name for name in needed if name not in raw.columns]
    if missing:
        raise ValueError(f"shots: missing column(s) {', '.join(missing)}; compare the header with the published format")
    absent = [pl.lit(None, pl.String).alias(name) for name in OPTIONAL_COLUMNS if name not in raw.columns]
    return raw.with_columns(absent).select(*COLUMNS, "source_file", "source_row")


def _parse(distinct: pl.DataFrame) -> pl.DataFrame:
    chosen = coordinates.choose_repairs(distinct)
    x_ft, y_ft = coordinates.repaired(pl.col("_repair"))
    named = shot_teams.from_archive_name(pl.col("TEAM_NAME"))
    # Joining the keys alone spares copying thirty columns.
    repairs = distinct.select("source_file", "GAME_ID").join(
        chosen, on=["source_file", "GAME_ID"], how="left", maintain_order="left", nulls_equal=True
    )["repair"]
    parsed = distinct.with_columns(_repair=repairs).with_columns(
        _date=pl.col("GAME_DATE").str.to_date("%m-%d-%Y", strict=False),
        _named_team=named,
        _team=pl.coalesce(team_codes.from_nba_id(pl.col("TEAM_ID")), named),
        _home=shot_teams.from_archive_code(pl.col("HOME_TEAM")),
        _away=shot_teams.from_archive_code(pl.col("AWAY_TEAM")),
        _x_ft=x_ft,
        _y_ft=y_ft,
    )
    return game_numbers.with_own_numbers(parsed)


def _split(parsed: pl.DataFrame, published: list[str], rules: Sequence[RowRule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    broken = pl.coalesce(
        [pl.when(rule.broken.fill_null(value=False)).then(pl.lit(index)) for index, rule in enumerate(rules)]
    )
    index = parsed.select(broken.cast(pl.Int32).alias("broken")).to_series()
    if index.null_count() == index.len():
        return parsed, QUARANTINE_SCHEMA.to_frame()
    refused = parsed.with_columns(index).filter(index.is_not_null())
    parts = [_quarantine(refused.filter(pl.col("broken") == i), published, rule) for i, rule in enumerate(rules)]
    return parsed.filter(index.is_null()), merge_quarantines([part for part in parts if not part.is_empty()])


def _quarantine(rows: pl.DataFrame, published: list[str], rule: RowRule) -> pl.DataFrame:
    return quarantine(nest_raw(rows.select(published)), rule, ARCHIVE)


def _canonical(kept: pl.DataFrame) -> pl.DataFrame:
    x_ft, y_ft = pl.col("x_ft"), pl.col("y_ft")
    home = pl.col("_team") == pl.col("_home")
    position = pl.col("POSITION_GROUP")
    shots = kept.select(
        season=pl.col("SEASON_1"),
        game_date=pl.col("_date"),
        game_id=pl.col("_game_id"),
        team=pl.col("_team"),
        opponent=pl.when(home).then(pl.col("_away")).otherwise(pl.col("_home")),
        is_home=home,
        player_id=pl.col("PLAYER_ID"),
        player_name=pl.col("PLAYER_NAME"),
        # The archive writes NA for a handful of players.
        position_group=pl.when(position.is_in(["G", "F", "C"])).then(position),
        quarter=pl.col("QUARTER"),
        clock_s=pl.col("MINS_LEFT") * 60 + pl.col("SECS_LEFT"),
        x_ft=pl.col("_x_ft").cast(pl.Float32),
        y_ft=pl.col("_y_ft").cast(pl.Float32),
        points_value=pl.when(pl.col("SHOT_TYPE") == "3PT Field Goal").then(3).otherwise(2),
        recorded_distance_ft=pl.col("SHOT_DISTANCE"),
        zone=pl.col("BASIC_ZONE"),
        side=pl.col("ZONE_NAME"),
        range_band=pl.col("ZONE_RANGE"),
        action_type=pl.col("ACTION_TYPE"),
        coordinate_repair=pl.col("_repair"),
        is_made=pl.col("SHOT_MADE"),
        source_row=pl.col("source_row"),
    ).with_columns(
        distance_ft=court.distance_ft(x_ft, y_ft),
        angle_deg=court.angle_deg(x_ft, y_ft),
        **{name: pl.lit(None, contracts.SHOTS.column(name).dtype) for name in ATTACHED},
    )
    return _numbered(shots)


def _numbered(shots: pl.DataFrame) -> pl.DataFrame:
    """Order shots in their game; rows of one second are ordered by who and where, never by the outcome."""
    tie_order = ["player_id", "recorded_distance_ft", "x_ft", "y_ft", "source_row"]
    ordered = shots.sort(
        ["season", "game_date", "game_id", "quarter", "clock_s", *tie_order],
        descending=[False, False, False, False, True, *([False] * len(tie_order))],
    )
    return ordered.with_columns(
        shot_number=pl.int_range(1, pl.len() + 1).over("game_id"),
        # Feed records have no position: it is the one that the player had before.
        position_group=pl.col("position_group").forward_fill().over("season", "player_id"),
    )


def _report(
    raw: pl.DataFrame,
    distinct: pl.DataFrame,
    parsed: pl.DataFrame,
    valid: pl.DataFrame,
    refused: pl.DataFrame,
    defaults: list[rim.DefaultSpot],
) -> ShotReport:
    renumbered = parsed.filter(pl.col("_game_id") != pl.col("GAME_ID"))
    games = parsed.select("source_file", "GAME_ID", "_repair").unique().get_column("_repair")
    return ShotReport(
        rows=raw.height,
        duplicates_dropped=raw.height - distinct.height,
        valid=valid.height,
        quarantined=refused.height,
        quarantined_by_rule=_counts(refused["rule"]),
        repairs=_counts(valid["coordinate_repair"]),
        games_by_repair=_counts(games),
        evidence_published=coordinates.coordinate_evidence(coordinates.as_published(raw)),
        evidence_repaired=coordinates.coordinate_evidence(valid),
        rim_rules=_counts(valid["rim_rule"]),
        default_spots=tuple(defaults),
        renumbered_games=renumbered["_game_id"].n_unique(),
        renumbered=renumbered.height,
        same_second=_same_second(valid),
        without_position=valid["position_group"].null_count(),
        seasons=tuple(valid["season"].unique().sort().to_list()),
    )


def _same_second(valid: pl.DataFrame) -> int:
    here = [pl.col(name) for name in ("game_id", "quarter", "clock_s")]
    before = [column == column.shift(1) for column in here]
    after = [column == column.shift(-1) for column in here]
    return int(valid.select((pl.all_horizontal(before) | pl.all_horizontal(after)).sum()).item())


def _counts(values: pl.Series) -> dict[str, int]:
    counted = values.value_counts(name="rows").sort(values.name)
    return dict(counted.iter_rows())
