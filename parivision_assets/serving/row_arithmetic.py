"""Arithmetic on single values as Polars does it on columns: what compiled rows call (`expressions`)."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable
from typing import Any

import polars as pl

_SINGLE = struct.Struct("<f")


def single(value: float) -> float:
    """Return a number rounded to Float32."""
    try:
        rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def _divided(one: float, other: float) -> float:
    try:
        return one / other
    except ZeroDivisionError:
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1.0, other)


def _wrapped(value: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def _whole(value: float, bits: int) -> int:
    whole = int(value)
    if whole != _wrapped(whole, bits):
        raise ValueError(f"{value} does not fit into {bits} bits")
    return whole


def _floor(value: float) -> float:
    return math.floor(value) if isinstance(value, int) else float(math.floor(value))


def _square_root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _and(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _or(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False


def _largest_of(*values: float | None) -> float | None:
    given = [value for value in values if value is not None]
    return max(given) if given else None


def _angle_of_singles() -> Callable[[float, float], float]:
    """Return the arctangent of two Float32 as Polars has it: that of the C library, or else of Polars itself."""

    def by_polars(one: float, other: float) -> float:
        frame = pl.DataFrame({"one": [one], "other": [other]}, schema={"one": pl.Float32, "other": pl.Float32})
        return float(frame.select(pl.arctan2("one", "other")).item())

    try:
        by_c = ctypes.CDLL(None).atan2f
    except (OSError, AttributeError, TypeError):
        return by_polars
    by_c.argtypes, by_c.restype = [ctypes.c_float, ctypes.c_float], ctypes.c_float
    probes = [(single(step * 0.37 - 25.0), single((step * 13) % 94 - 5.25)) for step in range(137)]
    frame = pl.DataFrame(probes, schema={"one": pl.Float32, "other": pl.Float32}, orient="row")
    same = frame.select(pl.arctan2("one", "other")).to_series().to_list() == [by_c(*probe) for probe in probes]
    return by_c if same else by_polars


RUNTIME: dict[str, Any] = {
    "_single": single, "_divided": _divided, "_wrapped": _wrapped, "_whole": _whole, "_floor": _floor,
    "_root": _square_root, "_and": _and, "_or": _or, "_largest": _largest_of, "_angle_double": math.atan2,
    "_angle_single": _angle_of_singles(),
}  # fmt: skip
