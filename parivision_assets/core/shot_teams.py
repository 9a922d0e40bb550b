"""Team names and codes as the shots archive and the feed write them over the years, and today's code for each.

Numbers, and what other publishers write, are in `team_codes`.
"""

from __future__ import annotations

import polars as pl

from parivision_assets.core import contracts

PAST_CODES = {"NJN": "BKN", "SEA": "OKC", "NOH": "NOP", "NOK": "NOP", "VAN": "MEM", "CHH": "CHA"}
"""Codes of a franchise's earlier years."""

ARCHIVE_CODES = {code: code for code in contracts.TEAMS} | PAST_CODES

ARCHIVE_NAMES = {
    "Atlanta Hawks": "ATL", "Boston Celtics": "BOS", "Brooklyn Nets": "BKN", "New Jersey Nets": "BKN",
    "Charlotte Bobcats": "CHA", "Charlotte Hornets": "CHA", "Chicago Bulls": "CHI", "Cleveland Cavaliers": "CLE",
    "Dallas Mavericks": "DAL", "Denver Nuggets": "DEN", "Detroit Pistons": "DET", "Golden State Warriors": "GSW",
    "Houston Rockets": "HOU", "Indiana Pacers": "IND", "LA Clippers": "LAC", "Los Angeles Clippers": "LAC",
    "Los Angeles Lakers": "LAL", "Memphis Grizzlies": "MEM", "Miami Heat": "MIA", "Milwaukee Bucks": "MIL",
    "Minnesota Timberwolves": "MIN", "New Orleans Hornets": "NOP", "New Orleans Pelicans": "NOP",
    "New Orleans/Oklahoma City Hornets": "NOP", "New York Knicks": "NYK", "Oklahoma City Thunder": "OKC",
    "Seattle SuperSonics": "OKC", "Orlando Magic": "ORL", "Philadelphia 76ers": "PHI", "Phoenix Suns": "PHX",
    "Portland Trail Blazers": "POR", "Sacramento Kings": "SAC", "San Antonio Spurs": "SAS",
    "Toronto Raptors": "TOR", "Utah Jazz": "UTA", "Vancouver Grizzlies": "MEM", "Washington Wizards": "WAS",
}  # fmt: skip
"""Published full name to today's code."""


def from_archive_code(code: pl.Expr) -> pl.Expr:
    """Return today's code for a published three-letter code of any year, null where it is unknown."""
    return code.replace_strict(ARCHIVE_CODES, default=None, return_dtype=pl.String)


def from_archive_name(name: pl.Expr) -> pl.Expr:
    """Return today's code for a published full name of any year, null where it is unknown."""
    return name.replace_strict(ARCHIVE_NAMES, default=None, return_dtype=pl.String)
