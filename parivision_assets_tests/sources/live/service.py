"""A stand-in for the statistics service: a real HTTP server on the loopback and answers in the service's own format."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

IDS = {"ATL": 1610612737, "BOS": 1610612738, "CLE": 1610612739, "LAC": 1610612746}

SHOT_HEADERS = [
    "GRID_TYPE", "GAME_ID", "GAME_EVENT_ID", "PLAYER_ID", "PLAYER_NAME", "TEAM_ID", "TEAM_NAME", "PERIOD",
    "MINUTES_REMAINING", "SECONDS_REMAINING", "EVENT_TYPE", "ACTION_TYPE", "SHOT_TYPE", "SHOT_ZONE_BASIC",
    "SHOT_ZONE_AREA", "SHOT_ZONE_RANGE", "SHOT_DISTANCE", "LOC_X", "LOC_Y", "SHOT_ATTEMPTED_FLAG", "SHOT_MADE_FLAG",
    "GAME_DATE", "HTM", "VTM",
]  # fmt: skip
GAME_HEADERS = [
    "SEASON_ID", "TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME", "GAME_ID", "GAME_DATE", "MATCHUP", "WL", "MIN", "PTS",
    "FGM", "FGA", "FG_PCT", "FG3M", "FG3A", "FG3_PCT", "FTM", "FTA", "FT_PCT", "OREB", "DREB", "REB", "AST", "STL",
    "BLK", "TOV", "PF", "PLUS_MINUS",
]  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """One scripted answer; `missing_bytes` promises more than is sent, `hangs_after` stops sending there,
    `is_silent` sends nothing at all."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing_bytes: int = 0
    hangs_after: int | None = None
    is_silent: bool = False


def reply(payload: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(payload).encode(), status, named)


@dataclass(frozen=True)
class Asked:
    endpoint: str
    parameters: dict[str, str]
    headers: dict[str, str]


class Service:
    """Answers each endpoint from its script, the last answer again and again; an endpoint without script is a 404."""

    def __init__(self) -> None:
        self.script: dict[str, list[Reply]] = defaultdict(list)
        self.asked: list[Asked] = []
        self._released = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/stats"

    def count(self, endpoint: str) -> int:
        return sum(asked.endpoint == endpoint for asked in self.asked)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        endpoint = parts.path.rsplit("/", 1)[-1]
        parameters = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.asked.append(Asked(endpoint, parameters, dict(request.headers.items())))
        scripted = self.script[endpoint]
        answer = Reply(b"not here", 404) if not scripted else scripted[0]
        if len(scripted) > 1:
            scripted.pop(0)
        if answer.is_silent:
            self._released.wait(30)
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer.body) + answer.missing_bytes))
        request.end_headers()
        request.wfile.write(answer.body[: answer.hangs_after])
        request.wfile.flush()
        if answer.hangs_after is not None:
            self._released.wait(30)
        request.close_connection = True

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def result_sets(name: str, headers: list[str], rows: list[list[object]]) -> dict[str, object]:
    return {
        "resource": name.lower(),
        "parameters": {},
        "resultSets": [{"name": name, "headers": headers, "rowSet": rows}],
    }


def shot(game: str, team: str, home: str, away: str, **values: object) -> list[object]:
    row: dict[str, object] = {
        "GRID_TYPE": "Shot Chart Detail", "GAME_ID": game, "GAME_EVENT_ID": 7, "PLAYER_ID": 9_000_007,
        "PLAYER_NAME": f"{team} Guard 07", "TEAM_ID": IDS[team], "TEAM_NAME": f"{team} Team", "PERIOD": 1,
        "MINUTES_REMAINING": 11, "SECONDS_REMAINING": 40, "EVENT_TYPE": "Missed Shot", "ACTION_TYPE": "Jump Shot",
        "SHOT_TYPE": "3PT Field Goal", "SHOT_ZONE_BASIC": "Left Corner 3", "SHOT_ZONE_AREA": "Left Side(L)",
        "SHOT_ZONE_RANGE": "24+ ft.", "SHOT_DISTANCE": 23, "LOC_X": -232, "LOC_Y": 5, "SHOT_ATTEMPTED_FLAG": 1,
        "SHOT_MADE_FLAG": 0, "GAME_DATE": "20261120", "HTM": home, "VTM": away,
    }  # fmt: skip
    return list((row | values).values())


def shots_payload(*rows: list[object]) -> dict[str, object]:
    return result_sets("Shot_Chart_Detail", SHOT_HEADERS, list(rows))


def team_game(game: str, team: str, matchup: str, **values: object) -> list[object]:
    row: dict[str, object] = dict.fromkeys(GAME_HEADERS, 0) | {
        "SEASON_ID": "22026", "TEAM_ID": IDS.get(team, 50), "TEAM_ABBREVIATION": team, "TEAM_NAME": f"{team} Team",
        "GAME_ID": game, "GAME_DATE": "2026-11-20", "MATCHUP": matchup, "WL": "W", "MIN": 240, "PTS": 110, "FGA": 2,
        "FG_PCT": 0.5, "FG3_PCT": 0.25, "FT_PCT": 0.75, "REB": 40, "AST": 20,
    }  # fmt: skip
    return list((row | values).values())


def game_pair(game: str, home: str, away: str, **values: object) -> list[list[object]]:
    return [
        team_game(game, home, f"{home} vs. {away}", **values),
        team_game(game, away, f"{away} @ {home}", **({"WL": "L", "PTS": 101} | values)),
    ]


def games_payload(*rows: list[object]) -> dict[str, object]:
    return result_sets("LeagueGameFinderResults", GAME_HEADERS, list(rows))


def scheduled(game: str, home: str, away: str, date: str = "2026-11-20", **values: object) -> dict[str, object]:
    codes = {"homeTeam": home, "awayTeam": away}
    sides = {side: {"teamId": IDS.get(code, 0), "teamTricode": code} for side, code in codes.items()}
    return {
        "gameId": game, "gameStatus": 3, "gameStatusText": "Final", "gameDateEst": f"{date}T00:00:00Z",
        "gameDateTimeUTC": f"{date}T23:30:00Z", "postponedStatus": "A", "ifNecessary": False, **sides,
    } | values  # fmt: skip


def schedule_payload(*games: dict[str, object]) -> dict[str, object]:
    dates = [{"gameDate": "11/20/2026 00:00:00", "games": list(games)}]
    return {
        "meta": {"version": 1},
        "leagueSchedule": {"seasonYear": "2026-27", "leagueId": "00", "gameDates": dates, "weeks": []},
    }
