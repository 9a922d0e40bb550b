"""Where shots are taken: a lattice of tenths of feet, classified by the court's lines and weighted by zone.

Coordinates are feet from the hoop, x negative on the left as the shooter faces the basket.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from parivision_assets.core import court
from parivision_assets.core.league import marginals
from parivision_assets.core.league.draws import Bools, Floats, Ints

_PAINT_HALF_WIDTH_FT = 8.0
_FREE_THROW_LINE_Y_FT = 19.0 - court.HOOP_FROM_BASELINE_FT
_CORNER_TOP_Y_FT = 14.0 - court.HOOP_FROM_BASELINE_FT
_HALF_COURT_Y_FT = court.HALF_COURT_LENGTH_FT - court.HOOP_FROM_BASELINE_FT
ZONE_SIDES = ("Left Side", "Left Side Center", "Center", "Right Side Center", "Right Side", "Back Court")
ZONE_SIDE_CODES = ("L", "LC", "C", "RC", "R", "BC")
ZONE_RANGES = ("Less Than 8 ft.", "8-16 ft.", "16-24 ft.", "24+ ft.", "Back Court Shot")
_BETWEEN_THE_LINES = {23: 0.025, 24: 0.050}
"""Long twos that appear between the old and the new three-point line, as shares of the mid-range."""
_RIM, _PAINT, _MID, _LEFT, _RIGHT, _ARC, _BACK = range(7)


def zone_of(x_ft: Floats, y_ft: Floats, line_shift_ft: float = 0.0) -> Ints:
    """Return the index into `marginals.ZONES` of each spot, the three-point line moved outwards by a shift."""
    distance = np.sqrt(x_ft**2 + y_ft**2)
    zone = np.full(x_ft.shape, _MID, dtype=np.int64)
    corner = y_ft < _CORNER_TOP_Y_FT
    beyond_corner = corner & (np.abs(x_ft) >= court.CORNER_THREE_FT + line_shift_ft)
    zone[~corner & (distance >= court.ARC_RADIUS_FT + line_shift_ft)] = _ARC
    zone[beyond_corner & (x_ft < 0)] = _LEFT
    zone[beyond_corner & (x_ft > 0)] = _RIGHT
    zone[(np.abs(x_ft) <= _PAINT_HALF_WIDTH_FT) & (y_ft <= _FREE_THROW_LINE_Y_FT)] = _PAINT
    zone[distance < court.RESTRICTED_AREA_RADIUS_FT] = _RIM
    zone[y_ft > _HALF_COURT_Y_FT] = _BACK
    return zone


def is_three(zone: Ints) -> Bools:
    """Return whether a zone lies beyond the three-point line."""
    return zone >= _LEFT


def side_of(x_ft: Floats, y_ft: Floats, zone: Ints) -> Ints:
    """Return the index into `ZONE_SIDES`, by the archive's sectors: 30 degrees to 16 ft, then 18 and 54 degrees."""
    distance = np.sqrt(x_ft**2 + y_ft**2)
    angle = np.degrees(np.arctan2(x_ft, y_ft)).round(6)
    side = np.full(x_ft.shape, 2, dtype=np.int64)
    middle = (distance >= 8) & (distance < 16)
    far = distance >= 16
    side[middle & (angle < -30) | far & (angle < -54)] = 0
    side[middle & (angle > 30) | far & (angle > 54)] = 4
    side[far & (angle < -18) & ((angle >= -54) | (zone == _ARC))] = 1
    side[far & (angle > 18) & ((angle <= 54) | (zone == _ARC))] = 3
    side[zone == _LEFT] = 0
    side[zone == _RIGHT] = 4
    side[zone == _BACK] = 5
    return side


def range_of(x_ft: Floats, y_ft: Floats, zone: Ints) -> Ints:
    """Return the index into `ZONE_RANGES`."""
    distance = np.sqrt(x_ft**2 + y_ft**2)
    band = np.digitize(distance, [8.0, 16.0]).astype(np.int64)
    band[is_three(zone)] = 3
    band[zone == _BACK] = 4
    return band


@dataclass(frozen=True)
class Lattice:
    """Spots of one zone and their running shares."""

    x_ft: Floats
    y_ft: Floats
    shares: Floats

    def at(self, draws: Floats) -> tuple[Floats, Floats]:
        """Return the spots that uniform draws fall on."""
        index = np.searchsorted(self.shares, draws, side="right").clip(max=len(self.shares) - 1)
        return self.x_ft[index], self.y_ft[index]


@lru_cache(maxsize=4)
def lattices(line_shift_ft: float = 0.0) -> tuple[Lattice, ...]:
    """Return each zone's lattice; threes keep their distance to the line when it moves."""
    x_grid, y_grid = np.meshgrid(np.arange(-250, 251), np.arange(-50, 700), indexing="ij")
    x_ft, y_ft = (x_grid / 10).ravel(), (y_grid / 10).ravel()
    zone = zone_of(x_ft, y_ft, line_shift_ft)
    distance = np.sqrt(x_ft**2 + y_ft**2)
    result = []
    for index, name in enumerate(marginals.ZONES):
        inside = np.flatnonzero(zone == index)
        shift = line_shift_ft if _LEFT <= index <= _ARC else 0.0
        by_foot = dict(marginals.ZONE_DISTANCE_SHARES[name])
        if index == _MID and line_shift_ft > 0:
            by_foot |= _BETWEEN_THE_LINES
        weights = _weights(distance[inside] - shift, by_foot)
        kept = weights > 0
        shares = np.round(np.cumsum(weights[kept]) / weights[kept].sum(), 12)
        result.append(Lattice(x_ft[inside][kept], y_ft[inside][kept], shares))
    return tuple(result)


def _weights(distance_ft: Floats, shares_by_foot: dict[int, float]) -> Floats:
    """Return each spot's weight: its foot's share, spread evenly over the spots of that foot."""
    foot = np.floor(distance_ft + 1e-9).astype(np.int64)
    foot = np.minimum(foot, max(shares_by_foot))
    per_foot = np.array([shares_by_foot.get(value, 0.0) for value in range(max(shares_by_foot) + 1)])
    counts = np.maximum(np.bincount(foot.clip(min=0), minlength=len(per_foot)), 1)
    weights = np.where(foot >= 0, per_foot[foot.clip(min=0)] / counts[foot.clip(min=0)], 0.0)
    return np.where(distance_ft > max(shares_by_foot) + 1, 0.0, weights)
