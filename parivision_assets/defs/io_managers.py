"""How Dagster assets meet the stores: tables by season partition, and small JSON values of unpartitioned assets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

import dagster as dg
import pandas as pd
import polars as pl

from parivision_assets.defs.publishing import Absent, Audited
from parivision_assets.stores.home import Home
from parivision_assets.stores.tables import UNPARTITIONED

COLUMNS = "columns"
"""Input metadata key: read only these columns."""


class TableIOManager(dg.IOManager):
    """Publish audited tables and read partitions as Polars (eager or lazy) or pandas, by the input's annotation.

    Inputs may ask for columns by metadata. A partition nobody published is None for one partition, and left out
    when several are read; a lazy frame pushes the reader's filters and columns down to Parquet.
    """

    def __init__(self, home: Home) -> None:
        """Use the home's table store."""
        self._home = home

    def handle_output(self, context: dg.OutputContext, obj: Audited | Absent) -> None:
        """Make an audited table the partition's current version; an absent partition leaves everything as it was."""
        if isinstance(obj, Absent):
            return
        partition = context.asset_partition_key if context.has_asset_partitions else UNPARTITIONED
        self._home.tables.write_encoded(context.asset_key.path[-1], partition, obj.encoded)

    def load_input(self, context: dg.InputContext) -> pl.DataFrame | pl.LazyFrame | pd.DataFrame | None:
        """Return the upstream partitions' rows, or None when none of them was ever published."""
        table = context.asset_key.path[-1]
        wanted: Iterable[str] = context.asset_partition_keys if context.has_asset_partitions else [UNPARTITIONED]
        present = [partition for partition in wanted if self._home.tables.has(table, partition)]
        if not present:
            return None
        columns = (context.definition_metadata or {}).get(COLUMNS)
        annotation = context.dagster_type.typing_type
        kinds = {annotation, *get_args(annotation)}
        if pl.LazyFrame in kinds:
            return self._home.tables.scan(table, present, columns)
        frame = self._home.tables.read(table, present, columns)
        return frame.to_pandas() if pd.DataFrame in kinds else frame


@dataclass(frozen=True)
class StoredBundle:
    """A serving bundle as an asset's value: its digest; the files are in the bundle store."""

    digest: str


class BundleIOManager(dg.IOManager):
    """Keep which bundle an unpartitioned asset last made; bundles themselves are content-addressed already."""

    def __init__(self, home: Home) -> None:
        """Use the home's bundle store."""
        self._bundles = home.bundles

    def handle_output(self, context: dg.OutputContext, obj: StoredBundle) -> None:
        """Point the asset at its bundle."""
        self._bundles.set_asset(context.asset_key.path[-1], obj.digest)

    def load_input(self, context: dg.InputContext) -> StoredBundle | None:
        """Return the upstream asset's bundle, None before its first materialization."""
        digest = self._bundles.asset(context.asset_key.path[-1])
        return None if digest is None else StoredBundle(digest)
