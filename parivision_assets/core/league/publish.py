"""The league's tables in the publishers' own formats: column names, codes, orders and conventions of the archives.

`LOC_X` is positive on the left side, as the shots archive publishes it until 2018 and from 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from parivision_assets.core import court
from parivision_assets.core.league import actions, marginals, places
from parivision_assets.core.league.calendar import Calendar
from parivision_assets.core.league.config import LeagueConfig, ScenarioKind, SensorFault
from parivision_assets.core.league.draws import Floats, Ints, Stream
from parivision_assets.core.league.games import SeasonGames, regular_ids
from parivision_assets.core.league.market import Market
from parivision_assets.core.league.people import Players
from parivision_assets.core.league.shots import SeasonShots, is_active

TEAM_NAMES = {
    "ATL": "Atlanta Hawks", "BKN": "Brooklyn Nets", "BOS": "Boston Celtics", "CHA": "Charlotte Hornets",
    "CHI": "Chicago Bulls", "CLE": "Cleveland Cavaliers", "DAL": "Dallas Mavericks", "DEN": "Denver Nuggets",
    "DET": "Detroit Pistons", "GSW": "Golden State Warriors", "HOU": "Houston Rockets", "IND": "Indiana Pacers",
    "LAC": "LA Clippers", "LAL": "Los Angeles Lakers", "MEM": "Memphis Grizzlies", "MIA": "Miami Heat",
    "MIL": "Milwaukee Bucks", "MIN": "Minnesota Timberwolves", "NOP": "New Orleans Pelicans",
    "NYK": "New York Knicks", "OKC": "Oklahoma City Thunder", "ORL": "Orlando Magic", "PHI": "Philadelphia 76ers",
    "PHX": "Phoenix Suns", "POR": "Portland Trail Blazers", "SAC": "Sacramento Kings", "SAS": "San Antonio Spurs",
    "TOR": "Toronto Raptors", "UTA": "Utah Jazz", "WAS": "Washington Wizards",
}  # fmt: skip
_TEAM_ID_ORDER = (
    "ATL", "BOS", "CLE", "NOP", "CHI", "DAL", "DEN", "GSW", "HOU", "LAC", "LAL", "MIA", "MIL", "MIN", "BKN", "NYK",
    "ORL", "IND", "PHI", "PHX", "POR", "SAC", "SAS", "OKC", "TOR", "UTA", "MEM", "WAS", "DET", "CHA",
)  # fmt: skip
TEAM_IDS = {code: 1_610_612_737 + place for place, code in enumerate(_TEAM_ID_ORDER)}
_ODDS_CODES = {"GSW": "gs", "NYK": "ny", "SAS": "sa", "NOP": "no", "UTA": "utah", "WAS": "wsh"}
_FROZEN_X_FT, _FROZEN_LOC_Y_FT = 0.0, 5.25
_BROKEN_SCALE = 0.1


@dataclass(frozen=True)
class Season:
    """Everything that happened in one season, ready to be published."""

    number: int
    codes: tuple[str, ...]
    players: Players
    regular: SeasonGames
    playoffs: SeasonGames
    shots: SeasonShots


def nickname(code: str) -> str:
    """Return the team's nickname as the forecasts file writes it."""
    name = TEAM_NAMES[code]
    return "Trail Blazers" if code == "POR" else name.rsplit(" ", 1)[1]


def odds_code(code: str) -> str:
    """Return the betting archive's own team code."""
    return _ODDS_CODES.get(code, code.lower())


def season_label(season: int) -> str:
    """Return for example 2021-22 for 2022."""
    return f"{season - 1}-{season % 100:02d}"


def take(values: list[str] | tuple[str, ...], index: Ints) -> pl.Series:
    """Return texts by their index."""
    return pl.Series(values, dtype=pl.String).gather(index)


def dates(days: Ints) -> pl.Series:
    """Return ordinal days as dates."""
    epoch = date(1970, 1, 1).toordinal()
    return pl.Series((days - epoch).astype(np.int32)).cast(pl.Date)


def newest_first(shots: SeasonShots) -> SeasonShots:
    """Return shots in the archive's order: newest game first, its last shot first."""
    return shots.kept(np.arange(len(shots.game))[::-1])


def shots_frame(config: LeagueConfig, season: Season) -> pl.DataFrame:
    """Return the shots archive's 26 columns, newest game first."""
    shots = newest_first(season.shots)
    calendar = season.regular.calendar
    day = calendar.day[shots.game]
    home, away = calendar.home[shots.game], calendar.away[shots.game]
    team = np.where(shots.side == 0, home, away)
    codes = season.codes
    side = places.side_of(shots.x_ft, shots.y_ft, shots.zone)
    distance = np.floor(np.sqrt(shots.x_ft**2 + shots.y_ft**2) + 1e-9).astype(np.int64)
    loc_x, loc_y = _recorded(config, shots.x_ft, shots.y_ft, day)
    labels = list(actions.LABELS) + [actions.SPLIT_LABELS.get(label, label) for label in actions.LABELS]
    label = actions.tables()[2].astype(np.int64)[shots.setting.place, shots.hidden.action]
    return pl.DataFrame(
        {
            "SEASON_1": pl.repeat(season.number, len(day), dtype=pl.Int64, eager=True),
            "SEASON_2": pl.repeat(season_label(season.number), len(day), dtype=pl.String, eager=True),
            "TEAM_ID": np.array([TEAM_IDS[code] for code in codes])[team],
            "TEAM_NAME": take([TEAM_NAMES[code] for code in codes], team),
            "PLAYER_ID": season.players.ids[shots.player],
            "PLAYER_NAME": take(season.players.names, shots.player),
            "POSITION_GROUP": take(marginals.POSITIONS, season.players.position[shots.player]),
            "POSITION": take(season.players.subposition, shots.player),
            "GAME_DATE": dates(day).dt.strftime("%m-%d-%Y"),
            "GAME_ID": season.regular.game_id[shots.game],
            "HOME_TEAM": take(codes, home),
            "AWAY_TEAM": take(codes, away),
            "EVENT_TYPE": take(("Missed Shot", "Made Shot"), shots.made.astype(np.int64)),
            "SHOT_MADE": shots.made,
            "ACTION_TYPE": take(labels, label + len(actions.LABELS) * (shots.split == 2)),
            "SHOT_TYPE": take(("2PT Field Goal", "3PT Field Goal"), shots.points - 2),
            "BASIC_ZONE": take(marginals.ZONES, shots.zone),
            "ZONE_NAME": take(places.ZONE_SIDES, side),
            "ZONE_ABB": take(places.ZONE_SIDE_CODES, side),
            "ZONE_RANGE": take(places.ZONE_RANGES, places.range_of(shots.x_ft, shots.y_ft, shots.zone)),
            "LOC_X": loc_x,
            "LOC_Y": loc_y,
            "SHOT_DISTANCE": distance,
            "QUARTER": shots.quarter,
            "MINS_LEFT": shots.clock_s // 60,
            "SECS_LEFT": shots.clock_s % 60,
        }
    )


def _recorded(config: LeagueConfig, x_ft: Floats, y_ft: Floats, day: Ints) -> tuple[Floats, Floats]:
    """Return published coordinates, through a broken sensor where the scenario says so."""
    loc_x, loc_y = -x_ft + 0.0, y_ft + court.HOOP_FROM_BASELINE_FT
    broken = is_active(config, ScenarioKind.BROKEN_SENSOR, day)
    if config.scenario is not None and broken.any():
        fault = config.scenario.fault
        if fault is SensorFault.SCALED:
            loc_x = np.where(broken, loc_x * _BROKEN_SCALE, loc_x)
            loc_y = np.where(broken, loc_y * _BROKEN_SCALE, loc_y)
        elif fault is SensorFault.MIRRORED:
            loc_x = np.where(broken, -loc_x + 0.0, loc_x)
        else:
            loc_x = np.where(broken, _FROZEN_X_FT, loc_x)
            loc_y = np.where(broken, _FROZEN_LOC_Y_FT, loc_y)
    return np.round(loc_x, 2), np.round(loc_y, 2)


def games_frame(season: Season) -> pl.DataFrame:
    """Return the games archive's 21 columns, newest first."""
    frames = []
    for games in (season.regular, season.playoffs):
        ids = np.array([TEAM_IDS[code] for code in season.codes])
        columns: dict[str, object] = {
            "GAME_DATE_EST": dates(games.calendar.day).dt.strftime("%Y-%m-%d"),
            "GAME_ID": games.game_id,
            "GAME_STATUS_TEXT": pl.repeat("Final", len(games.game_id), dtype=pl.String, eager=True),
            "HOME_TEAM_ID": ids[games.calendar.home],
            "VISITOR_TEAM_ID": ids[games.calendar.away],
            "SEASON": pl.repeat(season.number - 1, len(games.game_id), dtype=pl.Int64, eager=True),
        }
        extras = Stream(season.number, "box score", int(games.game_id[0]))
        for side, name, team in ((0, "home", games.calendar.home), (1, "away", games.calendar.away)):
            points = games.score[:, side].astype(np.float64)
            columns |= {
                f"TEAM_ID_{name}": ids[team],
                f"PTS_{name}": points,
                f"FG_PCT_{name}": games.fg_pct[:, side],
                f"FT_PCT_{name}": games.ft_pct[:, side],
                f"FG3_PCT_{name}": games.fg3_pct[:, side],
                f"AST_{name}": np.round(0.22 * points + 4 * extras.normal(len(points))).clip(8),
                f"REB_{name}": np.round(44 + 6 * extras.normal(len(points))).clip(24),
            }
        columns["HOME_TEAM_WINS"] = (games.score[:, 0] > games.score[:, 1]).astype(np.int64)
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames).sort(["GAME_DATE_EST", "GAME_ID"], descending=[True, False])


def odds_frame(season: Season, markets: tuple[Market, Market]) -> pl.DataFrame:
    """Return the betting archive's 27 columns, oldest first; `markets`: regular season, playoffs."""
    frames = [
        _odds_of(season, games, market)
        for games, market in zip((season.regular, season.playoffs), markets, strict=True)
    ]
    return pl.concat(frames)


def _odds_of(season: Season, games: SeasonGames, market: Market) -> pl.DataFrame:
    codes = [odds_code(code) for code in season.codes]
    day = dates(games.calendar.day)
    home, away = games.score[:, 0], games.score[:, 1]
    lead = np.where(market.home_favoured, home - away, away - home)
    columns: dict[str, object] = {
        "season": pl.repeat(season.number, len(day), dtype=pl.Int64, eager=True),
        "dates": pl.Series([f"{d.month}/{d.day}/{d.year}" for d in day.to_list()]),
        "regular": ~games.playoffs,
        "playoffs": games.playoffs,
        "away": take(codes, games.calendar.away),
        "home": take(codes, games.calendar.home),
        "score_away": away,
        "score_home": home,
    }
    for side, name in ((1, "away"), (0, "home")):
        for quarter in range(4):
            columns[f"q{quarter + 1}_{name}"] = games.quarters[:, side, quarter]
        columns[f"ot_{name}"] = games.quarters[:, side, 4]
    return pl.DataFrame(
        columns
        | {
            "whos_favored": np.where(market.home_favoured, "home", "away"),
            "spread": market.spread,
            "total": market.total,
            "moneyline_away": market.moneyline[:, 1],
            "moneyline_home": market.moneyline[:, 0],
            "h2_spread": market.half_spread,
            "h2_total": market.half_total,
            "id_spread": _against(lead, market.spread),
            "id_total": _against(home + away, market.total),
        }
    )


def _against(value: Ints, line: Floats) -> Ints:
    """Return 1 where a value beats its line, 0 where it falls short, 2 for a push."""
    return np.where(value == line, 2, (value > line).astype(np.int64))


def forecasts_frame(season: Season, markets: tuple[Market, Market]) -> pl.DataFrame:
    """Return the forecasts file's eight columns, newest first; team1 is the home team."""
    frames = []
    for games, market in zip((season.regular, season.playoffs), markets, strict=True):
        names = [nickname(code) for code in season.codes]
        won = (games.score[:, 0] > games.score[:, 1]).astype(np.int64)
        frames.append(
            pl.DataFrame(
                {
                    "season": pl.repeat(season.number, len(won), dtype=pl.Int64, eager=True),
                    "date": dates(games.calendar.day).dt.strftime("%Y-%m-%d"),
                    "team1": take(names, games.calendar.home),
                    "team2": take(names, games.calendar.away),
                    "prob1": market.forecast_home,
                    "prob1_outcome": won,
                    "prob2": np.round(1 - market.forecast_home, 6),
                    "prob2_outcome": 1 - won,
                }
            )
        )
    return pl.concat(frames).reverse()


def schedule_frame(season: int, codes: tuple[str, ...], calendar: Calendar) -> pl.DataFrame:
    """Return a season's regular games without results: season, game_date, game_id, away_team, home_team."""
    return pl.DataFrame(
        {
            "season": pl.repeat(season, len(calendar.day), dtype=pl.Int64, eager=True),
            "game_date": dates(calendar.day).dt.strftime("%Y-%m-%d"),
            "game_id": regular_ids(season, len(calendar.day)),
            "away_team": take(codes, calendar.away),
            "home_team": take(codes, calendar.home),
        }
    )
