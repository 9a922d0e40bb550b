"""Suites derived from the contracts say what the contracts say, and show the rows that break them."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parivision_assets.core.contracts import Column, KnownAt, Table
from parivision_assets.quality import expectations
from parivision_assets.quality.expectations import validate
from parivision_assets_tests.small_platform import import_foreign_libraries

TABLE = Table(
    "shots_of_a_test",
    "A table with every kind of rule",
    (
        Column("number", pl.Int64, "Key", minimum=1),
        Column("team", pl.String, "Code", allowed=("ATL", "BOS")),
        Column("side", pl.String, "Code or nothing", allowed=("L", "R"), nullable=True),
        Column("distance_ft", pl.Float64, "Distance", KnownAt.PRE_RELEASE, "ft", 0, 95),
        Column("clock_s", pl.Int16, "Clock or nothing", KnownAt.PRE_RELEASE, "s", 0, 720, nullable=True),
        Column("played", pl.Date, "Date"),
        Column("is_made", pl.Boolean, "Label", KnownAt.LABEL),
    ),
    ("number",),
)
GOOD = pl.DataFrame(
    {
        "number": [1, 2, 3],
        "team": ["ATL", "BOS", "ATL"],
        "side": ["L", None, "R"],
        "distance_ft": [0.0, 23.75, 95.0],
        "clock_s": [720, None, 0],
        "played": [dt.date(2021, 1, 1)] * 3,
        "is_made": [True, False, True],
    },
    schema=TABLE.schema,
)


@pytest.fixture(scope="module", autouse=True)
def foreign() -> None:
    import_foreign_libraries()


def keeps_contract(frame: pl.DataFrame) -> bool:
    """Judge by the contract alone."""
    broken = any(frame.filter(rule).height for rule in TABLE.broken_rules().values())
    return not broken and not frame.select(pl.struct(TABLE.key).is_duplicated().any()).item()


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.one_of(st.integers(-1, 6), st.none()),
            "team": st.sampled_from(["ATL", "BOS", "ATL", "BOS", "XXX", None]),
            "side": st.sampled_from(["L", "R", None, "", "l"]),
            "distance_ft": st.one_of(st.floats(0, 95), st.sampled_from([-0.1, 95.5, float("nan"), None])),
            "clock_s": st.one_of(st.integers(0, 720), st.sampled_from([-1, 721, None])),
            "played": st.sampled_from([dt.date(2021, 1, 1), dt.date(2021, 1, 1), None]),
            "is_made": st.sampled_from([True, False, True, None]),
        }
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS)
def test_the_suite_and_the_contract_agree_on_any_rows(rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema=TABLE.schema)
    assert validate(TABLE, frame, "contract").passed == keeps_contract(frame)


BREAKS = {
    "number": [0, None],
    "team": ["XXX", None],
    "side": ["l"],
    "distance_ft": [-0.5, 96.0, None, float("nan")],
    "clock_s": [-1, 721],
    "played": [None],
    "is_made": [None],
}


@pytest.mark.parametrize(("column", "value"), [(name, value) for name, values in BREAKS.items() for value in values])
def test_each_broken_rule_fails_its_column_and_shows_the_row(column: str, value: object) -> None:
    bad = GOOD.with_columns(
        pl.when(pl.col("number") == 2).then(pl.lit(value, TABLE.schema[column])).otherwise(pl.col(column)).alias(column)
    )
    result = validate(TABLE, bad, "contract")
    assert not result.passed
    assert column in {failure.column for failure in result.failures}
    assert f"{column}: " in result.summary()
    assert result.failing_rows["rule"].to_list() == [f"{column}: {TABLE.column(column).rule()}"]
    assert result.failing_rows["team" if column != "team" else "number"].to_list() == ["BOS" if column != "team" else 2]


def test_a_good_frame_passes_every_expectation() -> None:
    result = validate(TABLE, GOOD, "contract")
    assert result.passed
    assert result.failures == []
    assert result.failing_rows.is_empty()
    assert result.summary() == f"{len(result.outcomes)} expectations hold"
    # Seven columns: presence of five, four limits, two sets, one key; the shape of the table: two.
    assert len(result.outcomes) >= 13


def test_a_repeated_key_fails_and_is_shown() -> None:
    result = validate(TABLE, pl.concat([GOOD, GOOD[:1]]), "contract")
    assert not result.passed
    assert result.failing_rows["number"].to_list() == [1, 1]
    assert all("number" in rule for rule in result.failing_rows["rule"])


def test_structure_judges_no_values_but_columns_and_presence() -> None:
    odd = GOOD.with_columns(pl.lit(-5.0).alias("distance_ft"))
    assert validate(TABLE, odd, "structure").passed
    assert not validate(TABLE, odd, "contract").passed
    assert not validate(TABLE, GOOD.with_columns(pl.lit(None, pl.String).alias("team")), "structure").passed


def test_an_empty_table_fails() -> None:
    empty = TABLE.schema.to_frame()
    assert not validate(TABLE, empty, "contract").passed


def test_a_column_without_any_value_is_judged_by_presence() -> None:
    nothing = GOOD.with_columns(pl.lit(None, pl.String).alias("side"), pl.lit(None, pl.Int16).alias("clock_s"))
    assert validate(TABLE, nothing, "contract").passed
    assert not validate(TABLE, nothing.with_columns(pl.lit(None, pl.Float64).alias("distance_ft")), "contract").passed


@pytest.mark.parametrize("change", ["missing", "extra", "order"])
def test_other_columns_fail(change: str) -> None:
    frame = {
        "missing": GOOD.drop("is_made"),
        "extra": GOOD.with_columns(pl.lit(1).alias("more")),
        "order": GOOD.select(reversed(GOOD.columns)),
    }[change]
    result = validate(TABLE, frame, "structure")
    assert not result.passed


def test_data_docs_are_written_where_asked(tmp_path: Path) -> None:
    bad = GOOD.with_columns(pl.lit("XXX").alias("team"))
    validate(TABLE, bad, "contract", tmp_path / "docs", "2021")
    page = (tmp_path / "docs" / TABLE.name / "2021.html").read_text(encoding="utf-8")
    assert "XXX" in page
    assert "team" in page
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_an_expectation_that_cannot_be_computed_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Great Expectations reports its own exceptions as results; they must not look like held expectations."""
    import great_expectations.expectations as gxe

    asked = expectations.expectations

    def with_a_broken_one(*args: object, **options: object) -> list[object]:
        return [*asked(*args, **options), gxe.ExpectColumnMaxToBeBetween(column="team_of_nobody", max_value=1)]  # type: ignore[arg-type]

    monkeypatch.setattr(expectations, "expectations", with_a_broken_one)
    result = validate(TABLE, GOOD, "contract")
    assert not result.passed
    assert [failure.column for failure in result.failures] == ["team_of_nobody"]
    assert "team_of_nobody" in result.summary()
