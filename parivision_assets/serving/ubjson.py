"""Reading universal binary JSON, the format in which XGBoost keeps a model; xgboost itself brings pandas along.

The subset that XGBoost writes (Draft 12 of ubjson.org): objects, counted or not, arrays, typed or not, big-endian.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_NUMBERS = {
    b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d",
}  # fmt: skip
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}


def read_ubjson(data: bytes) -> Any:
    """Return the value that `data` holds; typed arrays are NumPy arrays. Raises ValueError for anything else."""
    reader = _Reader(data)
    try:
        value = reader.value(reader.take(1))
    except (struct.error, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no universal binary JSON: {error}") from error
    if reader.place != len(data):
        raise ValueError(f"no universal binary JSON: {len(data) - reader.place} bytes after the end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.place + count > len(self.data):
            raise ValueError(f"no universal binary JSON: it ends within a value, at byte {self.place}")
        self.place += count
        return self.data[self.place - count : self.place]

    def value(self, marker: bytes) -> Any:
        if marker in _NUMBERS:
            return self._number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == b"S":
            return self._text()
        if marker == b"{":
            return self._object()
        if marker == b"[":
            return self._array()
        raise ValueError(f"no universal binary JSON: unknown marker {marker!r} at byte {self.place - 1}")

    def _number(self, marker: bytes) -> int | float:
        kind = _NUMBERS[marker]
        number: int | float = struct.unpack(kind, self.take(struct.calcsize(kind)))[0]
        return number

    def _length(self) -> int:
        number = self.value(self.take(1))
        if not isinstance(number, int):
            raise ValueError(f"no universal binary JSON: {number!r} is no length")  # noqa: TRY004
        return number

    def _text(self) -> str:
        return self.take(self._length()).decode()

    def _peek(self, marker: bytes) -> bool:
        found = self.data[self.place : self.place + 1] == marker
        self.place += found
        return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._peek(b"}"):
            name = self._text()
            found[name] = self.value(self.take(1))
        return found

    def _array(self) -> Any:
        if self._peek(b"$"):
            marker = self.take(1)
            if marker not in _NUMBERS or not self._peek(b"#"):
                raise ValueError(f"no universal binary JSON: an array without type or length at byte {self.place}")
            kind = np.dtype(_NUMBERS[marker])
            count = self._length()
            return np.frombuffer(self.take(count * kind.itemsize), kind).astype(kind.newbyteorder("="))
        if self._peek(b"#"):
            return [self.value(self.take(1)) for _ in range(self._length())]
        items = []
        while not self._peek(b"]"):
            items.append(self.value(self.take(1)))
        return items
