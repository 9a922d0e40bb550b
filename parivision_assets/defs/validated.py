"""Validated assets: canonical shots and games beside the rows that broke a rule, both judged before publishing."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from parivision_assets.core.contracts import GAMES, QUARANTINED_GAMES, QUARANTINED_SHOTS, SHOTS, Table
from parivision_assets.core.games import GamesReport, clean_games
from parivision_assets.core.row_rules import merge_quarantines
from parivision_assets.core.shots import ShotReport, clean_shots
from parivision_assets.core.tracking import attach_tracking, clean_tracking
from parivision_assets.defs.publishing import (
    Events,
    contract_spec,
    markdown_table,
    multi_table_options,
    publish,
    publish_absent,
    publish_judged,
    suite_spec,
)
from parivision_assets.stores.home import Home
from parivision_assets.stores.releases import released_rules


def quarantine_problems(home: Home, valid: int, quarantined: pl.DataFrame) -> list[str]:
    """Return the blocking problem that too many rows were quarantined, or nothing."""
    # Tracking is an optional addition: its refused rows take nothing away from the table.
    quarantined = quarantined.filter(pl.col("archive") != "tracking")
    rows = valid + quarantined.height
    share = quarantined.height / rows if rows else 0.0
    if share <= home.settings.quarantine_limit:
        return []
    worst = quarantined.group_by("rule").len().sort("len", descending=True).row(0, named=True)
    example = quarantined.filter(pl.col("rule") == worst["rule"])["message"][0]
    problem = (
        f"{quarantined.height:,} of {rows:,} rows ({share:.1%}) break a rule, more than the limit of "
        f"{home.settings.quarantine_limit:.1%}; most often '{worst['rule']}', for example: {example}"
    )
    return [problem]


def quarantine_metadata(quarantined: pl.DataFrame) -> Mapping[str, Any]:
    """Return the counts by rule for a quarantine's metadata."""
    counts = quarantined.group_by("rule").len("rows").sort("rows", descending=True)
    return {"rows_by_rule": dg.MetadataValue.md(markdown_table(counts))}


def shots_metadata(report: ShotReport) -> dict[str, Any]:
    """Return what cleaning found, the coordinate defects first."""
    found = report.to_dict()
    return {
        "duplicates_dropped": report.duplicates_dropped,
        "quarantined": report.quarantined,
        "coordinate_repairs": dg.MetadataValue.json(report.repairs),
        "coordinate_evidence": dg.MetadataValue.json(
            {"as_published": found["evidence_published"], "repaired": found["evidence_repaired"]}
        ),
        "report": dg.MetadataValue.json(found),
    }


def games_metadata(report: GamesReport) -> dict[str, Any]:
    """Return what merging found: joins, and every defect handled."""
    return {
        "joined_same_date": report.joined_same_date,
        "joined_day_apart": report.joined_day_apart,
        "games_archive_only": report.games_only,
        "betting_archive_only": report.odds_only,
        "findings": dg.MetadataValue.md(markdown_table(report.findings.head(50))),
    }


def until_today(home: Home, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows up to the platform's explicit today; without one, the newest landed date is today."""
    return frame if home.settings.today is None else frame.filter(pl.col("game_date") <= home.settings.today)


def _pair(
    valid: Table, quarantined: Table, partitions: dg.PartitionsDefinition[str], code_version: str = "1"
) -> dict[str, Any]:
    return {
        **multi_table_options([valid, quarantined], "validated", {"greatexpectations"}, code_version),
        "partitions_def": partitions,
        "check_specs": [suite_spec(valid, "contract", partitions), contract_spec(quarantined, partitions)],
    }


def validated_assets(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return the assets of the validated layer."""

    @dg.multi_asset(name="validate_shots", **_pair(SHOTS, QUARANTINED_SHOTS, partitions))
    def validate_shots(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        raw_shots: pl.DataFrame | None,
        raw_tracking: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        if raw_shots is None:
            yield from absent_pair(home, SHOTS, QUARANTINED_SHOTS, season, f"no shots published for {season}")
            return
        cleaned = clean_shots(raw_shots, released=released_rules(home.ledger, SHOTS.name, season))
        valid, refused, metadata = cleaned.valid, cleaned.quarantined, shots_metadata(cleaned.report)
        if raw_tracking is not None:
            logs = clean_tracking(raw_tracking)
            tracked = attach_tracking(valid, logs)
            valid, refused = tracked.shots, merge_quarantines([refused, logs.quarantined])
            metadata["tracking"] = dg.MetadataValue.json(tracked.report.to_dict())
        yield from publish_pair(home, (SHOTS, valid, metadata), (QUARANTINED_SHOTS, refused), season)

    @dg.multi_asset(name="validate_games", **_pair(GAMES, QUARANTINED_GAMES, partitions))
    def validate_games(
        context: dg.AssetExecutionContext,
        home: dg.ResourceParam[Home],
        raw_games: pl.DataFrame | None,
        raw_odds: pl.DataFrame | None,
    ) -> Events:
        season = context.partition_key
        if raw_games is None and raw_odds is None:
            yield from absent_pair(home, GAMES, QUARANTINED_GAMES, season, f"no games published for {season}")
            return
        cleaned = clean_games(raw_games, raw_odds)
        yield from publish_pair(
            home,
            (GAMES, cleaned.valid, games_metadata(cleaned.report)),
            (QUARANTINED_GAMES, cleaned.quarantined),
            season,
        )

    return [validate_shots, validate_games]


def publish_pair(
    home: Home,
    valid: tuple[Table, pl.DataFrame, Mapping[str, Any]],
    quarantined: tuple[Table, pl.DataFrame],
    season: str,
) -> Events:
    """Yield both tables of a validated pair; too many quarantined rows block the valid one, never the quarantine."""
    table, frame, metadata = valid
    refused_table, refused = quarantined
    # The quarantine first: when the valid table is refused, this is where a person looks.
    yield from publish(refused_table, refused, metadata=quarantine_metadata(refused), may_be_empty=True)
    problems = quarantine_problems(home, frame.height, refused)
    kept = until_today(home, frame)
    yield from publish_judged(home, table, kept, season, "contract", problems=problems, metadata=metadata)


def absent_pair(home: Home, valid: Table, quarantined: Table, season: str, reason: str) -> Events:
    """Yield both tables of a validated pair as absent."""
    yield from publish_absent(home, valid, season, reason)
    yield from publish_absent(home, quarantined, season, reason)
