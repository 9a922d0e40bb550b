"""What each function of a Polars expression becomes in plain Python; its trees and operators are in `expressions`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from parivision_assets.serving.row_arithmetic import single

BITS = {pl.Int8: 8, pl.Int16: 16, pl.Int32: 32, pl.Int64: 64}
_PLAIN_WORDS = re.compile(r"[\w ]+(\|[\w ]+)*")
_DEGREES_SINGLE = 57.295779513082323


class UnknownExpressionError(ValueError):
    """An expression holds something that this module does not translate."""


@dataclass(frozen=True)
class Value:
    """A piece of Python source, its Polars type, and the variables that must not be None for it to be computed."""

    code: str
    dtype: Any
    nulls: tuple[str, ...] = ()
    number: float | None = None
    text: str | None = None
    """The value of a literal."""
    is_open: bool = False
    """Whether it is made of literal numbers only: Polars then chooses its type by what it is used with."""

    @property
    def is_plain(self) -> bool:
        """Return whether the source is a name or a literal, which may be repeated."""
        return self.code.isidentifier() or self.number is not None or self.text is not None


class Writer(Protocol):
    """What a translation needs of whoever writes the lines."""

    def materialised(self, value: Value) -> Value:
        """Return the value as a variable that is None where it is null."""

    def variable(self, code: str, dtype: Any) -> Value:
        """Return a variable for source that may itself be None."""

    def typed(self, value: Value, dtype: Any) -> Value:
        """Return a value as one of another type that Polars turns it into."""

    def source(self, value: Value, dtype: Any) -> str:
        """Return an operand as source, a literal rounded to Float32 where the operation is of it."""


Translation = Callable[[Writer, list[Value], Any, Any], Value]
"""From the writer, the inputs, the result's type and the function's settings to the result."""


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names in order, each once."""
    return tuple(dict.fromkeys(names))


def fitted(code: str, dtype: Any) -> str:
    """Return source whose value is as Polars keeps it in a column of the type."""
    if dtype == pl.Float32:
        return f"_single({code})"
    if dtype in BITS:
        return f"_wrapped({code}, {BITS[dtype]})"
    if dtype == pl.Float64 or dtype.base_type() == pl.Duration:
        return code
    raise UnknownExpressionError(f"no translation of arithmetic in {dtype}")


def _of_one(template: str) -> Callable[..., Value]:
    """Return the translation of a function of one value that is null where the value is."""

    def translated(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
        (value,) = inputs
        return Value(template.format(value.code), dtype, value.nulls)

    return translated


def _power(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    base, exponent = inputs
    if exponent.number != 2 or dtype not in {pl.Float32, pl.Float64}:
        raise UnknownExpressionError("only squares of decimals are translated")
    base = writer.materialised(base)
    return Value(fitted(f"({base.code} * {base.code})", dtype), dtype, base.nulls)


def _root(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    (value,) = inputs
    return Value(fitted(f"_root({value.code})", dtype), dtype, value.nulls)


def _angle(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    one, other = inputs
    name = "_angle_single" if dtype == pl.Float32 else "_angle_double"
    return Value(f"{name}({one.code}, {other.code})", dtype, distinct((*one.nulls, *other.nulls)))


def _degrees(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    (value,) = inputs
    factor = single(_DEGREES_SINGLE) if dtype == pl.Float32 else 180.0 / math.pi
    return Value(fitted(f"({value.code} * {factor!r})", dtype), dtype, value.nulls)


def _clipped(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:
    value = writer.materialised(inputs[0])
    limits = [one.number for one in inputs[1:]]
    if None in limits or len(limits) != settings["has_min"] + settings["has_max"]:
        raise UnknownExpressionError("only literal limits of a clip are translated")
    bounds = iter(inputs[1:])
    # Not-a-number stays as it is: it is neither below nor above.
    code = value.code
    if settings["has_min"]:
        low = writer.source(next(bounds), dtype)
        code = f"({low} if {value.code} < {low} else {code})"
    if settings["has_max"]:
        high = writer.source(next(bounds), dtype)
        code = f"({high} if {value.code} > {high} else {code})"
    return Value(code, dtype, value.nulls)


def _first_given(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    if any(one.dtype != dtype and one.number is None and one.code != "None" for one in inputs):
        raise UnknownExpressionError("only values of one type fill nulls")
    values = [writer.materialised(writer.typed(one, dtype)) for one in inputs]
    code = values[-1].code
    for value in reversed(values[:-1]):
        code = f"({value.code} if {value.code} is not None else {code})"
    return writer.variable(code, dtype)


def _largest(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    if any(one.dtype != dtype and one.number is None for one in inputs):
        raise UnknownExpressionError("only values of one type are compared")
    values = [writer.materialised(writer.typed(one, dtype)) for one in inputs]
    return writer.variable(f"_largest({', '.join(value.code for value in values)})", dtype)


def _is_null(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    return Value(f"({writer.materialised(inputs[0]).code} is None)", dtype)


def _is_given(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    return Value(f"({writer.materialised(inputs[0]).code} is not None)", dtype)


def _contains(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:
    text, words = inputs
    pattern = words.text or ""
    if settings["literal"] or not _PLAIN_WORDS.fullmatch(pattern):
        raise UnknownExpressionError(f"only alternatives of plain words are looked for, not {words.code}")
    text = writer.materialised(text)
    found = " or ".join(f"{word!r} in {text.code}" for word in pattern.split("|"))
    return Value(f"({found})", dtype, text.nulls)


def _formatted(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    if any(value.dtype not in {*BITS, pl.String} for value in inputs):
        raise UnknownExpressionError("only text and whole numbers are put into text")
    text, parts, start = settings["format"].encode(), [], 0
    for place, value in zip(settings["insertions"], inputs, strict=True):
        parts += [repr(text[start:place].decode()), f"str({value.code})"]
        start = place
    parts.append(repr(text[start:].decode()))
    return Value(f"({' + '.join(parts)})", dtype, distinct([name for value in inputs for name in value.nulls]))


def _whole_days(writer: Writer, inputs: list[Value], dtype: Any, settings: Any) -> Value:  # noqa: ARG001
    if settings["fractional"]:
        raise UnknownExpressionError("only whole days are counted")
    (value,) = inputs
    return Value(f"{value.code}.days", dtype, value.nulls)


FUNCTIONS: dict[str, Translation] = {
    "Abs": _of_one("abs({})"), "Floor": _of_one("_floor({})"), "Boolean.Not": _of_one("(not {})"),
    "StringExpr.Lowercase": _of_one("{}.lower()"), "Pow.Generic": _power, "Pow.Sqrt": _root, "Atan2": _angle,
    "Trigonometry.Degrees": _degrees, "Clip": _clipped, "FillNull": _first_given, "MaxHorizontal": _largest,
    "Boolean.IsNull": _is_null, "Boolean.IsNotNull": _is_given, "StringExpr.Contains": _contains,
    "StringExpr.Format": _formatted, "TemporalExpr.TotalDays": _whole_days,
}  # fmt: skip
"""By name in full, see `expressions`."""
