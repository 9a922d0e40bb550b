"""How assets meet the stores: the reader's annotation says what it gets, and an absent partition overwrites nothing."""

from pathlib import Path

import dagster as dg
import pandas as pd
import polars as pl
import pytest

from parivision_assets.defs.io_managers import COLUMNS, BundleIOManager, StoredBundle, TableIOManager
from parivision_assets.defs.publishing import Absent, Audited
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets.stores.tables import encode

SEASONS = dg.StaticPartitionsDefinition(["2021", "2022", "2023"])
FRAME = pl.DataFrame({"season": [2021, 2021], "points": [2, 3]})
TABLE = dg.AssetKey("shots")

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(Settings(home=tmp_path / "home"))


def write(home: Home, value: Audited | Absent, season: str = "2021") -> None:
    context = dg.build_output_context(asset_key=TABLE, partition_key=season, asset_partitions_def=SEASONS)
    TableIOManager(home).handle_output(context, value)


def read(home: Home, annotation: object, seasons: list[str], columns: list[str] | None = None) -> object:
    context = dg.build_input_context(
        asset_key=TABLE,
        asset_partitions_def=SEASONS,
        asset_partition_key_range=dg.PartitionKeyRange(seasons[0], seasons[-1]),
        dagster_type=dg.DagsterType(lambda _context, _value: True, name="given", typing_type=annotation),
        definition_metadata={} if columns is None else {COLUMNS: columns},
    )
    return TableIOManager(home).load_input(context)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (pl.DataFrame, pl.DataFrame),
        (pl.DataFrame | None, pl.DataFrame),
        (pl.LazyFrame | None, pl.LazyFrame),
        (pd.DataFrame | None, pd.DataFrame),
    ],
)
def test_the_annotation_says_what_the_reader_gets(home: Home, annotation: object, kind: type) -> None:
    write(home, Audited(encode(FRAME)))
    found = read(home, annotation, ["2021"])
    assert isinstance(found, kind)
    eager = found.collect() if isinstance(found, pl.LazyFrame) else pl.DataFrame(found)
    assert eager.equals(FRAME)


@pytest.mark.parametrize("annotation", [pl.DataFrame, pl.LazyFrame, pd.DataFrame])
def test_only_the_columns_asked_for_are_read(home: Home, annotation: type) -> None:
    write(home, Audited(encode(FRAME)))
    found = read(home, annotation, ["2021"], ["points"])
    names = found.collect_schema().names() if isinstance(found, pl.LazyFrame) else list(found.columns)  # type: ignore[attr-defined]
    assert names == ["points"]


def test_absent_partitions_are_none_or_left_out(home: Home) -> None:
    assert read(home, pl.DataFrame | None, ["2022"]) is None
    write(home, Audited(encode(FRAME)))
    found = read(home, pl.DataFrame | None, ["2021", "2023"])
    assert isinstance(found, pl.DataFrame)
    assert found.equals(FRAME)


def test_an_absent_partition_overwrites_nothing(home: Home) -> None:
    write(home, Absent("never published"))
    assert not home.tables.has("shots", "2021")
    write(home, Audited(encode(FRAME)))
    write(home, Absent("the publisher answers nothing"))
    assert home.tables.read("shots", "2021").equals(FRAME)


def test_a_bundle_is_remembered_by_its_digest(home: Home) -> None:
    manager, key = BundleIOManager(home), dg.AssetKey("game_champion")
    assert manager.load_input(dg.build_input_context(asset_key=key)) is None
    manager.handle_output(dg.build_output_context(asset_key=key), StoredBundle("d" * 64))
    assert manager.load_input(dg.build_input_context(asset_key=key)) == StoredBundle("d" * 64)
