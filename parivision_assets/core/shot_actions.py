"""What scorers write of a shot, in families, and whose scorers wrote it."""

from __future__ import annotations

from typing import Any

import polars as pl

DUNK, LAYUP, HOOK, FLOATER, OFF_DRIBBLE, TURNING, PLAIN = (
    "dunk", "layup", "hook", "floater", "off_dribble", "turning", "plain",
)  # fmt: skip
FAMILIES = (DUNK, LAYUP, HOOK, FLOATER, OFF_DRIBBLE, TURNING, PLAIN)
"""Families of action types, told by words in the label: labels come and go, what they describe stays."""

_WORDS = (
    (DUNK, "dunk"), (LAYUP, "layup|finger"), (HOOK, "hook"), (FLOATER, "float"), (OFF_DRIBBLE, "pull|step"),
    (TURNING, "fade|turn"),
)  # fmt: skip


def action_family() -> pl.Expr:
    """Return the family of `action_type`; null where there is no label."""
    label = pl.col("action_type").str.to_lowercase()
    family: Any = pl.when(label.is_null()).then(None)
    for name, words in _WORDS:
        family = family.when(label.str.contains(words)).then(pl.lit(name))
    found: pl.Expr = family.otherwise(pl.lit(PLAIN))
    return found


def arena() -> pl.Expr:
    """Return the home team of `team`, `opponent` and `is_home`: its scorers describe the shot."""
    return pl.when(pl.col("is_home")).then(pl.col("team")).when(~pl.col("is_home")).then(pl.col("opponent"))
