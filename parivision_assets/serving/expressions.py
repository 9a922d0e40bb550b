"""Polars expressions as plain Python, for one row at a time: the same bits as Polars, without its frames.

Formulas are declared once, as expressions; `compile_rows` reads their trees and writes a function over a row's dict.
Null is None and spreads as in Polars, Float32 is rounded after every step, and types are asked of Polars itself.
A kind of node that is not known here is refused when compiling, so nothing is ever computed by a guess.
"""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from parivision_assets.serving.expression_functions import (
    BITS,
    FUNCTIONS,
    UnknownExpressionError,
    Value,
    distinct,
    fitted,
)
from parivision_assets.serving.row_arithmetic import RUNTIME, single

Row = dict[str, Any]
Schema = Mapping[str, Any]
Tree = dict[str, Any]

_ARITHMETIC = {"Plus": "+", "Minus": "-", "Multiply": "*"}
_COMPARISON = {"Lt": "({0} < {1})", "LtEq": "({0} <= {1})", "Gt": "(not {0} <= {1})", "GtEq": "(not {0} < {1})",
               "Eq": "({0} == {1})", "NotEq": "({0} != {1})"}  # fmt: skip
"""As Polars orders: not-a-number is above every number."""


def compile_rows(steps: Sequence[Mapping[str, pl.Expr]], schema: Schema) -> Callable[[Row], list[Any]]:
    """Return a function from a row (a dict with every column of `schema`; None for null) to all steps' values.

    Each step's expressions see the columns of `schema` and of the steps before it; values come back in the order of
    the steps. Values of Float32 columns must be rounded to it already (`single`). Raises UnknownExpressionError for a
    node that is not translated, Polars' own errors for an expression that does not fit the schema.
    """
    writer, results = _Writer(dict(schema)), []
    for step in steps:
        trees = {name: _tree(expr) for name, expr in step.items()}
        writer.count(trees.values())
        found = {name: writer.materialised(writer.value(tree)) for name, tree in trees.items()}
        writer.bind(found)
        results += [value.code for value in found.values()]
    body = "\n    ".join([*writer.loads(), *writer.lines, f"return [{', '.join(results)}]"])
    scope: dict[str, Any] = {**RUNTIME, **writer.constants}
    exec(f"def row(columns):\n    {body}\n", scope)  # noqa: S102 - our own expressions, translated node by node
    compiled: Callable[[Row], list[Any]] = scope["row"]
    return compiled


class _Writer:
    """Translates trees into lines of Python, each sub-tree once."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema, self.lines, self.constants = schema, [], {}  # type: ignore[var-annotated]
        self._known: dict[str, Value] = {}
        self._times: Counter[str] = Counter()
        self._read: dict[str, str] = {}
        self._bound: dict[str, Value] = {}
        self._frame = pl.LazyFrame(schema=schema)

    def loads(self) -> Iterator[str]:
        """Yield the lines that read the row's columns."""
        return (f"{variable} = columns[{name!r}]" for name, variable in self._read.items())

    def bind(self, values: Mapping[str, Value]) -> None:
        """Let later steps see these values as columns."""
        self._bound |= values
        self.schema |= {name: value.dtype for name, value in values.items()}
        self._frame = pl.LazyFrame(schema=self.schema)
        # What was translated before may have read a column that is another one now.
        self._known, self._times = {}, Counter()

    def count(self, trees: Iterable[Any]) -> None:
        """Count how often each part of the trees occurs: what occurs twice gets a variable."""
        for tree in trees:
            if isinstance(tree, dict):
                self._times[json.dumps(tree, sort_keys=True)] += 1
                self.count(tree.values())
            elif isinstance(tree, list):
                self.count(tree)

    def value(self, tree: Tree) -> Value:
        """Return a tree's translation."""
        key = json.dumps(tree, sort_keys=True)
        if key not in self._known:
            value = self._translated(tree)
            self._known[key] = self.materialised(value) if self._times[key] > 1 else value
        return self._known[key]

    def materialised(self, value: Value) -> Value:
        """Return the value as a variable that is None where it is null."""
        if value.is_plain:
            return value
        variable = f"v{len(self.lines)}"
        guard = " or ".join(f"{name} is None" for name in value.nulls)
        self.lines.append(f"{variable} = None if {guard} else {value.code}" if guard else f"{variable} = {value.code}")
        return Value(variable, value.dtype, (variable,), is_open=value.is_open)

    def variable(self, code: str, dtype: Any) -> Value:
        """Return a variable for source that may itself be None."""
        return self.materialised(Value(code, dtype))

    def _translated(self, tree: Tree) -> Value:
        (kind, content), *others = tree.items()
        if others or kind not in _KINDS:
            raise UnknownExpressionError(f"no translation of {json.dumps(tree)[:200]}")
        return _KINDS[kind](self, tree, content)

    def dtype(self, tree: Tree) -> Any:
        """Return the type that Polars gives a tree."""
        return self._frame.select(_expression(tree).alias("value")).collect_schema()["value"]

    def column(self, tree: Tree, name: str) -> Value:  # noqa: ARG002
        if name in self._bound:
            return self._bound[name]
        if name not in self.schema:
            raise UnknownExpressionError(f"column {name} is not in the schema")
        variable = self._read.setdefault(name, f"c{len(self._read)}")
        return Value(variable, self.schema[name], (variable,))

    def literal(self, tree: Tree, content: Tree) -> Value:
        (held,) = content.values()
        (plain,) = held.values()
        dtype = self.dtype(tree)
        if "Null" in held:
            return Value("None", dtype, ("None",))
        if dtype == pl.Boolean:
            return Value(repr(plain), dtype)
        if dtype.is_numeric() and isinstance(plain, int | float) and math.isfinite(plain):
            return Value(repr(plain), dtype, (), plain, is_open=content.keys() == {"Dyn"})
        if dtype == pl.String:
            return Value(repr(plain), dtype, (), None, plain)
        raise UnknownExpressionError(f"no translation of the literal {json.dumps(content)[:100]}")

    def binary(self, tree: Tree, content: Tree) -> Value:
        operator = content["op"]
        left, right = self.value(content["left"]), self.value(content["right"])
        if any(one.is_open and one.number is None for one in (left, right)) or (left.is_open and right.is_open):
            # What Polars folds them into is of another type than its schema says.
            raise UnknownExpressionError("of literals only, the result is to be written, or its type (a cast)")
        for literal, beside in ((left, right), (right, left)):
            if beside.dtype in BITS and isinstance(literal.number, int) and not _fits(literal.number, beside.dtype):
                raise UnknownExpressionError(f"{literal.number} beside {beside.dtype}: cast the column to a wider type")
        if operator in {"And", "Or"}:
            return self._logical(operator, left, right)
        nulls = (*left.nulls, *right.nulls)
        if operator in _COMPARISON:
            return Value(self._compared(operator, left, right, content), pl.Boolean, distinct(nulls))
        dtype = self.dtype(tree)
        one, other = self.source(left, dtype), self.source(right, dtype)
        if dtype.base_type() == pl.Duration and (operator, left.dtype, right.dtype) != ("Minus", pl.Date, pl.Date):
            raise UnknownExpressionError("of dates, only differences are translated")
        if operator in _ARITHMETIC:
            code = f"({one} {_ARITHMETIC[operator]} {other})"
        elif operator == "TrueDivide" and dtype in {pl.Float32, pl.Float64}:
            # The constant added to a count keeps most denominators from zero, but nothing here proves it.
            code = f"_divided({one}, {other})"
        else:
            raise UnknownExpressionError(f"no translation of {operator} to {dtype}")
        return Value(fitted(code, dtype), dtype, distinct(nulls))

    def typed(self, value: Value, dtype: Any) -> Value:
        """Return a value as one of another type that Polars turns it into."""
        return replace(value, code=self.source(value, dtype), dtype=dtype)

    def source(self, value: Value, dtype: Any) -> str:
        """Return an operand as source, a literal rounded to Float32 where the operation is of it."""
        if dtype in BITS and (isinstance(value.number, float) or not _fits(value.number or 0, dtype)):
            raise UnknownExpressionError(f"no translation of {value.number} as a whole number")
        if value.number is not None and dtype == pl.Float32:
            return repr(single(value.number))
        if value.number is not None and dtype == pl.Float64:
            return repr(float(value.number))
        if dtype == pl.Float32 and value.dtype != pl.Float32:
            return f"_single({value.code})"
        return value.code

    def _compared(self, operator: str, left: Value, right: Value, content: Tree) -> str:
        if left.number is None and right.number is None and {left.dtype, right.dtype} & {pl.Float32, pl.Float64}:
            raise UnknownExpressionError(f"no translation of {operator} between two columns of decimals")
        if not (left.dtype.is_numeric() and right.dtype.is_numeric()):
            if left.dtype != right.dtype or operator not in {"Eq", "NotEq"}:
                raise UnknownExpressionError(f"no translation of {operator} of {left.dtype} and {right.dtype}")
            return _COMPARISON[operator].format(left.code, right.code)
        both = self.dtype({"BinaryExpr": {**content, "op": "Plus"}})
        return _COMPARISON[operator].format(self.source(left, both), self.source(right, both))

    def _logical(self, operator: str, left: Value, right: Value) -> Value:
        one, other = self.materialised(left).code, self.materialised(right).code
        return self.variable(f"_{operator.lower()}({one}, {other})", pl.Boolean)

    def ternary(self, tree: Tree, content: Tree) -> Value:
        chosen = self.materialised(self.value(content["predicate"])).code
        dtype = self.dtype(tree)
        branches = []
        for name in ("truthy", "falsy"):
            value = self.value(content[name])
            if value.number is not None or value.dtype == dtype or value.code == "None":
                branches.append(self.materialised(self.typed(value, dtype)))
            elif dtype == pl.Float64 and value.dtype.is_numeric():
                branches.append(self.materialised(Value(f"float({value.code})", dtype, value.nulls)))
            else:
                raise UnknownExpressionError(f"no translation of a choice between {value.dtype} and {dtype}")
        # A null condition chooses the second branch.
        is_open = all(self.value(content[name]).is_open for name in ("truthy", "falsy"))
        return replace(
            self.variable(f"({branches[0].code} if {chosen} else {branches[1].code})", dtype), is_open=is_open
        )

    def cast(self, tree: Tree, content: Tree) -> Value:
        value, dtype = replace(self.value(content["expr"]), is_open=False), self.dtype(tree)
        if dtype == value.dtype:
            return value
        if content["options"] != "Strict" or not (value.dtype.is_numeric() or value.dtype == pl.Boolean):
            raise UnknownExpressionError(f"no translation of a cast from {value.dtype} to {dtype}")
        if dtype == pl.Float64:
            return Value(f"float({value.code})", dtype, value.nulls)
        if dtype == pl.Float32:
            return Value(f"_single({value.code})", dtype, value.nulls)
        if dtype in BITS:
            return Value(f"_whole({value.code}, {BITS[dtype]})", dtype, value.nulls)
        raise UnknownExpressionError(f"no translation of a cast to {dtype}")

    def function(self, tree: Tree, content: Tree) -> Value:
        name, settings = _named(content["function"])
        if name == "ReplaceStrict":
            return self._replaced(tree, content["input"])
        if name not in FUNCTIONS:
            raise UnknownExpressionError(f"no translation of the function {name}")
        inputs = [self.value(one) for one in content["input"]]
        if all(one.is_open for one in inputs):
            raise UnknownExpressionError(f"{name} of literals only: write the result")
        return FUNCTIONS[name](self, inputs, self.dtype(tree), settings)

    def _replaced(self, tree: Tree, inputs: Sequence[Tree]) -> Value:
        value = self.materialised(self.value(inputs[0]))
        old, new = (pl.select(_expression(one)).to_series().explode().to_list() for one in inputs[1:3])
        if len(inputs) != 4 or self.value(inputs[3]).code != "None" or value.dtype != pl.String:
            raise UnknownExpressionError("only text is replaced, and by null where it is not listed")
        table = f"table{len(self.constants)}"
        self.constants[table] = dict(zip(old, new, strict=True))
        return self.variable(f"{table}.get({value.code})", self.dtype(tree))


def _fits(number: float, dtype: Any) -> bool:
    return -(1 << (BITS[dtype] - 1)) <= number < 1 << (BITS[dtype] - 1)


def _named(function: Any) -> tuple[str, Any]:
    """Return a function's name in full (`StringExpr.Contains`) and its settings."""
    path: list[str] = []
    while isinstance(function, dict) and len(function) == 1 and isinstance(next(iter(function.values())), dict | str):
        ((name, function),) = function.items()
        path.append(name)
    if isinstance(function, str):
        return ".".join([*path, function]), None
    return ".".join(path), function


def _tree(expr: pl.Expr) -> Tree:
    tree: Tree = json.loads(expr.meta.serialize(format="json"))
    return tree


def _expression(tree: Tree) -> pl.Expr:
    return pl.Expr.deserialize(io.BytesIO(json.dumps(tree).encode()), format="json")


_KINDS: dict[str, Callable[[_Writer, Tree, Any], Value]] = {
    "Column": _Writer.column, "Literal": _Writer.literal, "BinaryExpr": _Writer.binary, "Ternary": _Writer.ternary,
    "Cast": _Writer.cast, "Function": _Writer.function,
}  # fmt: skip
