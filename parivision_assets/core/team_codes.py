"""How each publisher names the thirty franchises, and where they play. Rules about games and shots do not belong here.

Every map leads to today's three-letter code (`contracts.TEAMS`), in all years: a franchise that moves keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from parivision_assets.core import contracts

NBA_TEAM_IDS = {
    1610612737: "ATL", 1610612738: "BOS", 1610612739: "CLE", 1610612740: "NOP", 1610612741: "CHI",
    1610612742: "DAL", 1610612743: "DEN", 1610612744: "GSW", 1610612745: "HOU", 1610612746: "LAC",
    1610612747: "LAL", 1610612748: "MIA", 1610612749: "MIL", 1610612750: "MIN", 1610612751: "BKN",
    1610612752: "NYK", 1610612753: "ORL", 1610612754: "IND", 1610612755: "PHI", 1610612756: "PHX",
    1610612757: "POR", 1610612758: "SAC", 1610612759: "SAS", 1610612760: "OKC", 1610612761: "TOR",
    1610612762: "UTA", 1610612763: "MEM", 1610612764: "WAS", 1610612765: "DET", 1610612766: "CHA",
}  # fmt: skip
"""NBA.com franchise numbers, as in the games archive and the shots archive."""

BETTING_CODES = {
    **{code.lower(): code for code in contracts.TEAMS if code not in {"GSW", "NYK", "SAS", "NOP", "UTA", "WAS"}},
    "gs": "GSW", "ny": "NYK", "sa": "SAS", "no": "NOP", "utah": "UTA", "wsh": "WAS",
}  # fmt: skip
"""The betting archive's own lower-case codes."""

NICKNAMES = {
    "76ers": "PHI", "Bucks": "MIL", "Bulls": "CHI", "Cavaliers": "CLE", "Celtics": "BOS", "Clippers": "LAC",
    "Grizzlies": "MEM", "Hawks": "ATL", "Heat": "MIA", "Hornets": "CHA", "Jazz": "UTA", "Kings": "SAC",
    "Knicks": "NYK", "Lakers": "LAL", "Magic": "ORL", "Mavericks": "DAL", "Nets": "BKN", "Nuggets": "DEN",
    "Pacers": "IND", "Pelicans": "NOP", "Pistons": "DET", "Raptors": "TOR", "Rockets": "HOU", "Spurs": "SAS",
    "Suns": "PHX", "Thunder": "OKC", "Timberwolves": "MIN", "Trail Blazers": "POR", "Warriors": "GSW",
    "Wizards": "WAS",
}  # fmt: skip
"""The published forecasts' team nicknames."""


@dataclass(frozen=True)
class Arena:
    """Where a franchise plays today: degrees north and east, metres above the sea."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float


ARENAS = {
    "ATL": Arena(33.76, -84.40, 310), "BKN": Arena(40.68, -73.97, 15), "BOS": Arena(42.37, -71.06, 5),
    "CHA": Arena(35.23, -80.84, 230), "CHI": Arena(41.88, -87.67, 180), "CLE": Arena(41.50, -81.69, 200),
    "DAL": Arena(32.79, -96.81, 130), "DEN": Arena(39.75, -105.01, 1580), "DET": Arena(42.34, -83.06, 185),
    "GSW": Arena(37.77, -122.39, 5), "HOU": Arena(29.75, -95.36, 15), "IND": Arena(39.76, -86.16, 220),
    "LAC": Arena(34.04, -118.27, 85), "LAL": Arena(34.04, -118.27, 85), "MEM": Arena(35.14, -90.05, 80),
    "MIA": Arena(25.78, -80.19, 2), "MIL": Arena(43.05, -87.92, 190), "MIN": Arena(44.98, -93.28, 255),
    "NOP": Arena(29.95, -90.08, 2), "NYK": Arena(40.75, -73.99, 15), "OKC": Arena(35.46, -97.52, 365),
    "ORL": Arena(28.54, -81.38, 30), "PHI": Arena(39.90, -75.17, 5), "PHX": Arena(33.45, -112.07, 330),
    "POR": Arena(45.53, -122.67, 10), "SAC": Arena(38.58, -121.50, 10), "SAS": Arena(29.43, -98.44, 200),
    "TOR": Arena(43.64, -79.38, 80), "UTA": Arena(40.77, -111.90, 1300), "WAS": Arena(38.90, -77.02, 10),
}  # fmt: skip
"""City coordinates and ground altitude of today's arenas (public geography, rounded); good to a few kilometres."""


def from_nba_id(team_id: pl.Expr) -> pl.Expr:
    """Return today's code for an NBA.com franchise number, null where the number is unknown."""
    return team_id.cast(pl.Int64).replace_strict(NBA_TEAM_IDS, default=None, return_dtype=pl.String)


def from_betting_code(code: pl.Expr) -> pl.Expr:
    """Return today's code for the betting archive's code, null where it is unknown."""
    cleaned = code.cast(pl.String).str.strip_chars().str.to_lowercase()
    return cleaned.replace_strict(BETTING_CODES, default=None, return_dtype=pl.String)


def from_nickname(nickname: pl.Expr) -> pl.Expr:
    """Return today's code for a forecast's nickname, null where it is unknown."""
    return nickname.cast(pl.String).str.strip_chars().replace_strict(NICKNAMES, default=None, return_dtype=pl.String)
