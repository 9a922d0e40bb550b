"""Compiled rows against Polars: the same value, type and missing values for whatever is translated."""

import datetime as dt
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from parivision_assets.core import history, shot_features
from parivision_assets.core.game_features import CONTEXT_COLUMNS, GAME_FEATURES
from parivision_assets.serving.expression_functions import UnknownExpressionError
from parivision_assets.serving.expressions import compile_rows
from parivision_assets.serving.row_arithmetic import single

SCHEMA: dict[str, Any] = {
    "small": pl.Int8, "whole": pl.Int32, "single": pl.Float32, "double": pl.Float64, "other": pl.Float64,
    "flag": pl.Boolean, "second_flag": pl.Boolean, "word": pl.String, "day": pl.Date, "second_day": pl.Date,
}  # fmt: skip

VALUES: dict[Any, st.SearchStrategy[Any]] = {
    pl.Int8: st.integers(-128, 127),
    pl.Int32: st.integers(-(2**31), 2**31 - 1),
    pl.Float32: st.floats(-1e6, 1e6, width=32),
    pl.Float64: st.one_of(st.floats(-1e9, 1e9), st.sampled_from([0.0, -0.0, 1.0])),
    pl.Boolean: st.booleans(),
    pl.String: st.sampled_from(["Driving Dunk Shot", "LAYUP", "Pullup Jump shot", "G", "C", "ÄSSET", ""]),
    pl.Date: st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1)),
}
rows = st.fixed_dictionaries({name: st.none() | VALUES[dtype] for name, dtype in SCHEMA.items()})
literals = st.one_of(
    st.integers(-5, 400).map(pl.lit), st.sampled_from([0.5, 26.5, 8.94776508408664, 100.0, 0.1]).map(pl.lit)
)
columns = {kind: st.sampled_from([name for name, dtype in SCHEMA.items() if dtype in kinds]).map(pl.col)
           for kind, kinds in {"number": {pl.Int8, pl.Int32, pl.Float32, pl.Float64}, "float": {pl.Float32, pl.Float64},
                               "flag": {pl.Boolean}, "word": {pl.String}}.items()}  # fmt: skip


@st.composite
def numbers(draw: st.DrawFn, depth: int = 2) -> pl.Expr:
    if depth == 0:
        return draw(columns["number"] | literals)
    part = numbers(depth - 1)
    kind = draw(st.integers(0, 13))
    if kind < 4:
        one, other = draw(part), draw(part)
        return [one + other, one - other, one * other, one / other][kind]
    choices = [
        draw(part).abs(),
        draw(part).clip(*sorted(draw(st.tuples(st.integers(-3, 30), st.integers(-3, 60))))),
        pl.when(draw(flags(depth - 1))).then(draw(columns["float"])).otherwise(draw(literals)),
        draw(columns["float"]).fill_null(draw(literals)),
        draw(columns["float"]) ** 2,
        (draw(columns["float"]) ** 2).sqrt(),
        pl.max_horizontal(draw(st.sampled_from([pl.col("double"), pl.col("other")])), pl.lit(1.0)),
        (pl.col("day") - pl.col("second_day")).dt.total_days(),
        pl.col("word").replace_strict({"G": 0, "C": 2}, default=None),
        draw(flags(depth - 1)).cast(pl.Int8) + draw(columns["number"]),
    ]
    return choices[kind - 4]


@st.composite
def flags(draw: st.DrawFn, depth: int = 2) -> pl.Expr:
    kind = draw(st.integers(0, 8))
    if depth == 0 or kind == 0:
        return draw(columns["flag"])
    if kind < 6:
        one, other = draw(columns["number"]), draw(literals)
        return [one < other, one <= other, one > other, one >= other, one == other][kind - 1]
    one, other = draw(flags(depth - 1)), draw(flags(depth - 1))
    return {6: one & other, 7: one | ~other, 8: draw(columns["number"]).is_null()}[kind]


@st.composite
def words(draw: st.DrawFn) -> pl.Expr:
    label = pl.col("word").str.to_lowercase()
    cases = [
        pl.when(label.is_null()).then(None).when(label.str.contains("layup|dunk")).then(pl.lit("rim")),
        pl.when(pl.col("flag")).then(pl.col("word")).when(~pl.col("flag")).then(pl.lit("guest")),
        pl.when(draw(flags())).then(pl.format("rim_{}", pl.col("small").clip(0, 3)).fill_null(pl.lit("unknown"))),
        label,
    ]
    return draw(st.sampled_from(cases))


def by_polars(expr: pl.Expr, row: dict[str, Any]) -> Any:
    return pl.DataFrame([row], schema=SCHEMA, orient="row").select(value=expr).item()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or one == other
    return type(one) is type(other) and one == other


@settings(deadline=None, max_examples=200)
@given(st.one_of(numbers(), flags(), words()), st.lists(rows, min_size=1, max_size=4))
def test_a_compiled_expression_is_what_polars_computes(expr: pl.Expr, given_rows: list[dict[str, Any]]) -> None:
    try:
        compiled = compile_rows([{"value": expr}], SCHEMA)
    except UnknownExpressionError:
        assume(False)
        return
    for row in given_rows:
        expected, found = by_polars(expr, row), compiled(row)[0]
        assert same(found, expected), (str(expr), found, expected)


@settings(deadline=None)
@given(st.floats(-25, 25, width=32), st.floats(-5.25, 88.75, width=32))
@example(0.0, 0.0)
@example(-0.0, -5.25)
@example(22.0, 8.947765)
def test_what_follows_from_a_spot_is_what_polars_derives(x: float, y: float) -> None:
    request = {
        **dict.fromkeys(shot_features.REQUEST_SCHEMA),
        "spot_x_ft": x,
        "spot_y_ft": y,
        "quarter": 5,
        "clock_s": 9,
    }
    steps = [*shot_features.derived(), history.places()]
    names = [name for step in steps for name in step]
    found = dict(zip(names, compile_rows(steps, shot_features.REQUEST_SCHEMA)(request), strict=True))
    frame = pl.DataFrame([request], schema=shot_features.REQUEST_SCHEMA, orient="row")
    for step in steps:
        frame = frame.with_columns(**step)
    assert found == frame.select(names).row(0, named=True)


def test_every_declared_feature_is_translated() -> None:
    compile_rows([{f.name: f.expr for f in GAME_FEATURES}], dict.fromkeys(CONTEXT_COLUMNS, pl.Float64))
    schema = {**shot_features.REQUEST_SCHEMA, "bucket": pl.String, "prior_rate": pl.Float64, "season_day": pl.Int32}
    for memory in history.MEMORIES:
        schema |= {memory.last_date: pl.Date, **dict.fromkeys(memory.columns(), pl.Float64)}
    compile_rows([{f.name: f.expr for f in shot_features.FEATURES}], schema)


@pytest.mark.parametrize(
    "expr",
    [
        pl.col("double").log(),
        pl.col("double") ** 3,
        pl.col("double") % 2,
        pl.col("whole") // 2,
        pl.col("double").sum(),
        pl.col("double").rolling_mean(2),
        pl.col("double").cast(pl.String),
        pl.col("word").str.contains("a.c"),
        pl.col("word").str.contains("a.c", literal=True),
        pl.col("double") > pl.col("other"),
        pl.col("absent") + 1,
        pl.col("double").over("word"),
        pl.col("day") + pl.duration(days=1),
        pl.col("whole").clip(0.5, 2.5),
        pl.lit(math.inf) + pl.col("double"),
        pl.col("double").shift(1),
        pl.col("small") + (pl.lit(100) + pl.lit(100)),
        pl.col("small") + pl.when(pl.col("flag")).then(3).otherwise(200),
        pl.col("small") + pl.lit(129).abs(),
        pl.when(pl.col("flag")).then(pl.col("small")).otherwise(pl.col("whole")),
    ],
)
def test_what_is_not_translated_is_refused(expr: pl.Expr) -> None:
    with pytest.raises((UnknownExpressionError, pl.exceptions.PolarsError)):
        compile_rows([{"value": expr}], SCHEMA)


def test_a_later_step_sees_what_an_earlier_one_made_of_a_column() -> None:
    steps = [
        {"double": pl.col("double").fill_null(2.0)},
        {"twice": pl.col("double") * 2, "double": pl.col("double") + 1},
    ]
    compiled = compile_rows(steps, SCHEMA)
    assert compiled({**dict.fromkeys(SCHEMA), "double": None}) == [2.0, 4.0, 3.0]


def test_a_number_beyond_single_precision_is_infinite() -> None:
    assert single(1e39) == math.inf
    assert single(-1e39) == -math.inf
    assert single(0.1) == 0.10000000149011612
