import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core import contracts
from parivision_assets.core.contracts import Column, KnownAt, Table

TABLES = [value for value in vars(contracts).values() if isinstance(value, Table)]
DISTANCE = Table(
    "distances", "d",
    (Column("shot", pl.Int64, "s"), Column("feet", pl.Float64, "f", unit="ft", minimum=0, maximum=9)),
    ("shot",),
)  # fmt: skip


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_describes_every_column_and_declares_its_key(table: Table) -> None:
    assert all(column.description for column in table.columns)
    assert len(set(table.names())) == len(table.columns)
    assert set(table.key) <= set(table.names())


def test_units_are_suffixes_of_names() -> None:
    for column in contracts.SHOTS.columns:
        if column.unit in {"ft", "s", "deg"}:
            assert column.name.endswith(f"_{column.unit}"), column.name


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=20))
def test_violations_count_exactly_the_rows_outside_the_range(values: list[float | None]) -> None:
    frame = pl.DataFrame({"shot": range(len(values)), "feet": values}, schema=DISTANCE.schema)
    bad = sum(1 for value in values if value is None or not 0 <= value <= 9)
    found = DISTANCE.violations(frame)
    assert sum(found.values()) == bad
    assert all(rule.startswith("feet: present and within 0 … 9 ft") for rule in found)


def test_a_repeated_key_is_a_violation_that_names_the_key() -> None:
    frame = pl.DataFrame({"shot": [1, 1, 2], "feet": [1.0, 2.0, 3.0]}, schema=DISTANCE.schema)
    assert DISTANCE.violations(frame) == {"shot: no two rows alike": 2}


def test_a_category_outside_the_allowed_set_is_named_with_the_set() -> None:
    column = Column("stage", pl.String, "s", allowed=("regular", "playoffs"))
    frame = pl.DataFrame({"stage": ["regular", "preseason", None]})
    assert frame.select(column.violated()).to_series().to_list() == [False, True, True]
    assert column.rule() == "present and one of regular, playoffs"


def test_conform_names_every_missing_column() -> None:
    with pytest.raises(ValueError, match=r"table distances: missing column\(s\) feet"):
        DISTANCE.conform(pl.DataFrame({"shot": [1]}))


def test_nothing_known_before_the_release_is_recorded_with_the_event() -> None:
    early = contracts.SHOTS.names([KnownAt.PRE_GAME, KnownAt.PRE_RELEASE])
    for late in ("is_made", "action_type", "zone", "side", "range_band", "recorded_distance_ft", "x_ft", "y_ft"):
        assert late not in early


def test_the_schedule_holds_no_result_and_no_market() -> None:
    assert not {"home_pts", "away_pts", "is_home_win", "closing_home_probability", "closing_total_pts"} & set(
        contracts.SCHEDULE.names()
    )
