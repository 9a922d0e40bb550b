"""The ledger as a table that people and assets read. Writing to the ledger belongs elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from parivision_assets.core.contracts import PROMOTION_DECISIONS
from parivision_assets.stores.chain import Record


def decision_table(records: Iterable[Record]) -> pl.DataFrame:
    """Return one row per ledger entry (PROMOTION_DECISIONS), oldest first."""
    rows = []
    for record in records:
        content = record.content()
        rows.append(
            {
                "sequence": record.sequence,
                "recorded_at": record.recorded_at,
                "kind": record.kind,
                "target": record.target,
                "verdict": content.get("verdict"),
                "season": content.get("season"),
                "challenger": content.get("challenger"),
                "champion": content.get("champion"),
                "mean_gain_nats": content.get("mean_gain_nats"),
                "actor": record.actor,
                "reason": record.reason,
                "digest": record.digest,
            }
        )
    return pl.DataFrame(rows, schema=PROMOTION_DECISIONS.schema)
