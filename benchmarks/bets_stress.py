"""Many bets by many clients with duplicates, retries and kill -9, while games end and results are corrected.

    python benchmarks/bets_stress.py --bets 100000 --clients 64 --form http

`http`: clients bet through the service, which is killed and started again. `store`: clients in several processes bet on
the store itself, and these processes are killed. In both, a process that settles, corrects and voids runs beside them
and is killed as well. Afterwards every acknowledged bet must be there once, nothing settled twice, the entries sum to
zero and stored balances equal recomputed ones. The same folder and figures go on where a stopped run was.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_rules import BetGame, House, KnownResults
from parivision_assets.core.contracts import GAME_PREDICTIONS, GAMES, SCHEDULE, TEAMS
from parivision_assets.settings import BetsSettings, LeagueSettings, Settings
from parivision_assets.stores.atomic import digest_of
from parivision_assets.stores.bet_tables import bets as bet_table
from parivision_assets.stores.bets import BetOrder, BetRefusedError, Bets
from parivision_assets.stores.database import migrate_database
from parivision_assets.stores.home import Home

TODAY, DAY, SEASON = dt.date(2024, 1, 9), dt.date(2024, 1, 10), 2024
WAVES = 40
"""Bets come game by game, so that games can end while others are bet on."""
WAVES_OPEN = 3
DUPLICATED = 0.25
"""Share of bets that a second client sends too."""
CORRECTED = 0.2
"""Looks of the settler that find a result corrected; all bets on that game are settled anew."""
PLAYERS = 64
WELCOME_CENTS = 10**11
RESULTS = Path(__file__).parent / "results" / "bets_stress.json"
spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Plan:
    """What is asked of every process."""

    folder: Path
    form: str
    bets: int
    clients: int
    processes: int
    kills: int
    database: str | None
    port: int = 0

    @property
    def settings(self) -> Settings:
        own = BetsSettings(most_stake_cents=10_000)
        league = LeagueSettings(published_until=TODAY)
        return Settings(home=self.folder, league=league, bets=own, database_url=self.database)

    def game(self, number: int) -> BetGame:
        home, away = TEAMS[number % 30], TEAMS[(number * 7 + 1 + number // 30) % 30]
        return BetGame(f"{DAY}_{number:02d}_{away}_{home}", SEASON, DAY, home, away)

    def wanted(self, number: int) -> dict[str, object]:
        """Return the body of a bet, always the same for the same number."""
        drawn = random.Random(number)  # noqa: S311 - reproducible
        wave = min(number * WAVES // self.bets, WAVES - 1)
        return {"game_key": self.game(wave).game_key, "side": drawn.choice(["home", "away"]),
                "stake_cents": drawn.randint(100, 5_000), "odds_hundredths": 191}  # fmt: skip


def fill(plan: Plan) -> list[tuple[int, str]]:
    """Make the home with its games and players, once; return the players' numbers and tokens."""
    home, kept = Home(plan.settings), plan.folder / "players.json"
    if plan.database is not None:
        migrate_database(plan.settings.bets_url)
    if kept.exists():
        return [(number, token) for number, token in json.loads(kept.read_text())]
    rows = [plan.game(number) for number in range(WAVES)]
    schedule = pl.DataFrame(
        {"season": SEASON, "game_date": DAY, "game_key": [row.game_key for row in rows], "stage": "regular",
         "home_team": [row.home_team for row in rows], "away_team": [row.away_team for row in rows]}
    )  # fmt: skip
    home.tables.write(SCHEDULE.name, str(SEASON), SCHEDULE.conform(schedule))
    said = schedule.with_columns(as_of_date=pl.lit(TODAY), home_probability=0.5, champion=pl.lit("c"), state_version=pl.lit("s"))  # noqa: E501  # fmt: skip
    home.tables.write(GAME_PREDICTIONS.name, str(SEASON), GAME_PREDICTIONS.conform(said))
    played = schedule.head(1).with_columns(
        game_date=pl.lit(TODAY), game_id=None, home_pts=100, away_pts=90, is_home_win=True, sources=pl.lit("odds"),
        closing_spread_home_pts=None, closing_total_pts=None, closing_home_probability=None,
    )  # fmt: skip
    home.tables.write(GAMES.name, str(SEASON), GAMES.conform(played))
    made = [
        home.bets.players.sign_up(f"player {number} {os.getpid()}", WELCOME_CENTS, dt.timedelta(days=30))
        for number in range(PLAYERS)
    ]
    found = [(one.player.player_id, one.token) for one in made]
    kept.write_text(json.dumps(found))
    home.bets.close()
    return found


class HttpClient:
    """One client of the service; asks again with the same key until it is answered."""

    def __init__(self, plan: Plan, players: list[tuple[int, str]]) -> None:
        self.plan, self.players, self.retries = plan, players, 0
        self._connect()

    def _connect(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.plan.port, timeout=120)

    def place(self, number: int) -> int | None:
        """Return the bet's number, None where it was refused because its game had ended."""
        body = json.dumps(self.plan.wanted(number))
        headers = {"Authorization": f"Bearer {self.players[number % PLAYERS][1]}", "Idempotency-Key": f"bet-{number}",
                   "Content-Type": "application/json"}  # fmt: skip
        while True:
            try:
                self.connection.request("POST", "/v1/bets", body, headers)
                answer = self.connection.getresponse()
                status, text = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.retries += 1
                self.connection.close()
                time.sleep(0.1)
                self._connect()
                continue
            if status == 201:
                return int(json.loads(text)["bet_id"])
            if (status == 409 and b"betting-closed" in text) or (status == 404 and b"unknown-game" in text):
                return None
            raise RuntimeError(f"bet {number}: {status} {text[:300]!r}")


class StoreClient:
    """One client of the store itself."""

    def __init__(self, plan: Plan, players: list[tuple[int, str]], bets: Bets) -> None:
        self.plan, self.players, self.bets, self.retries = plan, players, bets, 0

    def place(self, number: int) -> int | None:
        """Return the bet's number, None where it was refused because its game had ended."""
        wanted = self.plan.wanted(number)
        wave = min(number * WAVES // self.plan.bets, WAVES - 1)
        player_id, stake_cents = self.players[number % PLAYERS][0], int(str(wanted["stake_cents"]))
        side, digest = Side(str(wanted["side"])), digest_of(json.dumps(wanted).encode())
        order = BetOrder(
            player_id, self.plan.game(wave), side, stake_cents, 191, "champion", f"bet-{number}", digest
        )  # fmt: skip
        try:
            return self.bets.place(order, House(100, 10_000), TODAY).bet_id
        except BetRefusedError:
            return None


def work(plan: Plan, players: list[tuple[int, str]], worker: int) -> None:
    """Place one process's share of the bets by its threads, and some of its neighbour's; note what is acknowledged."""
    path = plan.folder / f"acknowledged_{worker}.txt"
    done = {int(line.split()[0]) for line in path.read_text().splitlines()} if path.exists() else set()
    shares = {number: number % plan.processes for number in range(plan.bets)}
    neighbour = (worker + 1) % plan.processes
    own = [
        number
        for number, share in shares.items()
        if share == worker or (share == neighbour and number % 100 < DUPLICATED * 100)
    ]
    # One iterator for all threads: `next` on it is one step.
    left, bets = iter([number for number in own if number not in done]), None
    if plan.form == "store":
        bets = Bets.open(plan.settings.bets_url)
    lock = threading.Lock()
    with path.open("a") as acknowledged:

        def run() -> None:
            client = HttpClient(plan, players) if bets is None else StoreClient(plan, players, bets)
            while True:
                with lock:
                    number = next(left, None)
                if number is None:
                    return
                bet_id = client.place(number)
                with lock:
                    acknowledged.write(f"{number} {bet_id}\n")
                    acknowledged.flush()

        threads = [threading.Thread(target=run) for _ in range(max(1, plan.clients // plan.processes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def settle_on(plan: Plan) -> None:
    """End games that are no longer bet on, correct some, again and again, until it is killed."""
    home, drawn = Home(plan.settings), random.Random()  # noqa: S311
    wins: dict[str, bool] = {}
    while True:
        ended = max(0, count_bets(home) * WAVES // plan.bets - WAVES_OPEN)
        wins |= {plan.game(number).game_key: number % 2 == 0 for number in range(len(wins), ended)}
        if ended and drawn.random() < CORRECTED:
            key = plan.game(drawn.randrange(ended)).game_key
            wins[key] = not wins[key]
        home.bets.settling.settle(SEASON, KnownResults(DAY, wins))
        time.sleep(0.5)


def count_bets(home: Home) -> int:
    """Return how many bets there are."""
    query = sa.select(sa.func.count()).select_from(bet_table)
    return int(home.bets._database.read(lambda connection: connection.execute(query).scalar_one()))  # noqa: SLF001


def bets_by_key(home: Home) -> dict[str, int]:
    """Return every bet's number by its key."""
    query = sa.select(bet_table.c.idempotency_key, bet_table.c.bet_id)
    rows = home.bets._database.read(lambda connection: connection.execute(query).all())  # noqa: SLF001
    return {str(key): int(bet_id) for key, bet_id in rows}


def serve(plan: Plan) -> subprocess.Popen[bytes]:
    """Start the service and wait until it is ready."""
    environment = {
        **os.environ, "PARIVISION_HOME": str(plan.folder), "PARIVISION_BETS_MOST_STAKE_CENTS": "10000",
        "PARIVISION_LEAGUE_PUBLISHED_UNTIL": TODAY.isoformat(),
    }  # fmt: skip
    if plan.database:
        environment["PARIVISION_DATABASE_URL"] = plan.database
    start = "from parivision_assets.cli import main; main()"
    command = [sys.executable, "-c", start, "bets", "--port", str(plan.port)]
    process = subprocess.Popen(command, env=environment)
    for _ in range(600):
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", plan.port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                connection.close()
                return process
        if process.poll() is not None:
            raise SystemExit("the service did not start")
        time.sleep(0.1)
    raise SystemExit("the service was not ready within a minute")


def stress(plan: Plan) -> dict[str, object]:
    """Run everything once and return the figures."""
    players, home = fill(plan), Home(plan.settings)
    before, started_s = count_bets(home), time.perf_counter()
    service = serve(plan) if plan.form == "http" else None

    def start(target, *arguments):
        process = spawn.Process(target=target, args=arguments, daemon=True)
        process.start()
        return process

    workers = {number: start(work, plan, players, number) for number in range(plan.processes)}
    settler = start(settle_on, plan)
    marks = [plan.bets * (kill + 1) // (plan.kills + 1) for kill in range(plan.kills)]
    marks = [mark for mark in marks if mark > before]
    killed = {"service": 0, "client process": 0, "settler": 0}
    drawn = random.Random(1)  # noqa: S311
    while any(process.is_alive() for process in workers.values()):
        time.sleep(0.1)
        if not marks or count_bets(home) < marks[0]:
            continue
        marks.pop(0)
        if service is not None:
            service.kill()
            service.wait()
            service, killed["service"] = serve(plan), killed["service"] + 1
        else:
            number = drawn.choice([number for number, process in workers.items() if process.is_alive()] or [0])
            os.kill(int(workers[number].pid or 0), signal.SIGKILL)
            workers[number].join()
            workers[number], killed["client process"] = start(work, plan, players, number), killed["client process"] + 1
        os.kill(int(settler.pid or 0), signal.SIGKILL)
        settler.join()
        settler, killed["settler"] = start(settle_on, plan), killed["settler"] + 1
    taken_s = time.perf_counter() - started_s
    failed = [process.exitcode for process in workers.values() if process.exitcode]
    settler.kill()
    settler.join()
    if service is not None:
        service.kill()
        service.wait()
    return {**verify(plan, home, failed), "seconds": round(taken_s, 1), "killed": killed,
            "bets_per_s": round((count_bets(home) - before) / taken_s, 1)}  # fmt: skip


def verify(plan: Plan, home: Home, failed: list[int]) -> dict[str, object]:
    """Settle everything once more, and compare what was acknowledged with what is there."""
    wins = {plan.game(number).game_key: number % 2 == 0 for number in range(WAVES)}
    home.bets.settling.settle(SEASON, KnownResults(DAY, wins))
    again = home.bets.settling.settle(SEASON, KnownResults(DAY, wins))
    books, stored = home.bets.audit(), bets_by_key(home)
    acknowledged: dict[str, set[str]] = {}
    refused: set[str] = set()
    sent = 0
    for path in plan.folder.glob("acknowledged_*.txt"):
        for line in path.read_text().splitlines():
            number, bet_id = line.split()
            sent += 1
            if bet_id == "None":
                refused.add(f"bet-{number}")
            else:
                acknowledged.setdefault(f"bet-{number}", set()).add(bet_id)
    lost = [key for key, ids in acknowledged.items() if stored.get(key) is None]
    twice = [key for key, ids in acknowledged.items() if len(ids | {str(stored.get(key))}) > 1]
    problems = [*books.problems]
    problems += [f"{len(lost)} acknowledged bets are not there"] if lost else []
    problems += [f"{len(twice)} keys were answered with several bets"] if twice else []
    problems += ["a bet was refused and taken"] if refused & set(acknowledged) else []
    problems += [f"{books.bets - len(stored)} keys have several bets"] if books.bets != len(stored) else []
    problems += [f"client processes ended with {failed}"] if failed else []
    unanswered = plan.bets - len(refused | set(acknowledged))
    problems += [f"{unanswered} bets were never answered"] if unanswered else []
    problems += ["settling again settled something"] if again.outcomes else []
    problems += ["open bets are left"] if home.bets.open_bets() != (0, 0) else []
    home.bets.close()
    return {"form": plan.form, "database": "postgresql" if plan.database else "sqlite", "clients": plan.clients,
            "requests_answered": sent, "refused_since_the_game_had_ended": len(refused), "bets": books.bets,
            "settlements": books.settlements, "transfers": books.transfers,
            "balances_sum_cents": books.balances_sum_cents, "problems": problems}  # fmt: skip


def main() -> None:
    """Run the chosen forms, print the figures and add them to the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bets", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--processes", type=int, default=4, help="client processes; the clients are their threads")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--form", choices=("http", "store"), default="http")
    parser.add_argument("--database", help="PostgreSQL's URL; SQLite in the folder unless given")
    parser.add_argument("--folder", type=Path, help="kept, and gone on with; a temporary one unless given")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="bets"))
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(folder, given.form, given.bets, given.clients, given.processes, given.kills, given.database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        plan = replace(plan, port=free.getsockname()[1])
    found = stress(plan)
    print(json.dumps(found, indent=1))
    given.results.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(given.results.read_text()) if given.results.exists() else {}
    known[f"{found['form']} {found['database']}"] = found
    given.results.write_text(json.dumps(known, indent=1) + "\n")
    if given.folder is None:
        shutil.rmtree(folder)
    sys.exit(1 if found["problems"] else 0)


if __name__ == "__main__":
    main()
