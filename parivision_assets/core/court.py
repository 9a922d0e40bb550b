"""The court's constants and geometry. Nothing here knows about tables, players or files.

Distances are feet from the centre of the hoop; x is negative on the left as the shooter faces the basket, y grows
towards half-court, angle 0 is straight on. Dimensions: NBA Official Rule Book, rule 1, section I.
"""

from __future__ import annotations

import polars as pl

HALF_COURT_LENGTH_FT = 47.0
COURT_LENGTH_FT = 94.0
COURT_WIDTH_FT = 50.0
HALF_WIDTH_FT = COURT_WIDTH_FT / 2
HOOP_FROM_BASELINE_FT = 5.25
ARC_RADIUS_FT = 23.75
CORNER_THREE_FT = 22.0
RESTRICTED_AREA_RADIUS_FT = 4.0
CORNER_BREAK_Y_FT = (ARC_RADIUS_FT**2 - CORNER_THREE_FT**2) ** 0.5
"""Where the straight corner line meets the arc, in feet from the hoop towards half-court (8.95)."""

MIN_Y_FT = -HOOP_FROM_BASELINE_FT
MAX_Y_FT = COURT_LENGTH_FT - HOOP_FROM_BASELINE_FT
MAX_DISTANCE_FT = (HALF_WIDTH_FT**2 + MAX_Y_FT**2) ** 0.5


def distance_ft(x_ft: pl.Expr, y_ft: pl.Expr) -> pl.Expr:
    """Return the distance from the centre of the hoop in feet."""
    return (x_ft**2 + y_ft**2).sqrt()


def angle_deg(x_ft: pl.Expr, y_ft: pl.Expr) -> pl.Expr:
    """Return the angle from straight on in degrees, negative on the shooter's left, in [-180, 180]."""
    return pl.arctan2(x_ft, y_ft).degrees()


def is_beyond_arc(x_ft: pl.Expr, y_ft: pl.Expr) -> pl.Expr:
    """Return whether a spot lies behind the three-point line, by geometry alone."""
    in_corner = y_ft < CORNER_BREAK_Y_FT
    return pl.when(in_corner).then(x_ft.abs() > CORNER_THREE_FT).otherwise(distance_ft(x_ft, y_ft) > ARC_RADIUS_FT)
