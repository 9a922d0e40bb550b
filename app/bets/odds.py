"""The odds on offer: read again when a table they are made of has changed, one consistent board per answer."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from dataclasses import dataclass, field

import polars as pl
import sqlalchemy as sa
from fastapi import APIRouter

from app.bets.models import NOTICE, OddsBoard, OddsGame, OddsOfGame
from app.bets.published import Published
from app.problems import Problem, responses
from parivision_assets.core.contracts import GAME_PREDICTIONS, GAMES, SCHEDULE, SHOTS
from parivision_assets.core.game_odds import OfferedGame, closing_lines, games_on_offer, newest_predictions
from parivision_assets.core.game_target import GAME
from parivision_assets.core.games import clean_games
from parivision_assets.sources.published import SourceError
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today

READ = (GAME_PREDICTIONS.name, SCHEDULE.name, GAMES.name, SHOTS.name, "raw_odds")
PROBLEMS = {
    "unknown-game": "No bets are taken on this game now: it is not on the schedule, has begun or ended, or has no "
    "odds. GET /v1/odds lists the games on offer.",
    "odds-away": "The odds cannot be read now, so no bets are taken. Nothing was lost; try again with the same "
    "Idempotency-Key.",
    "no-odds": "There is no platform's date yet, since no game has landed. Fill the home first: `make demo`.",
}


UNREADABLE = (
    StoreError, SourceError, OSError, ValueError, KeyError, pl.exceptions.PolarsError, sa.exc.OperationalError,
)  # fmt: skip
"""What reading damaged tables, ones of another version, the feed's source or the bets' database may raise."""
_log = logging.getLogger("parivision.bets")


@dataclass(frozen=True)
class Board:
    """Everything on offer as of one moment."""

    today: dt.date | None = None
    games: dict[str, OfferedGame] = field(default_factory=dict)


@dataclass
class OddsDesk:
    """The newest board; safe for threads.

    A board that cannot be read leaves the one before to look at, and no bets are taken while `problem` says so. Why is
    in the log: the words name files and sources.
    """

    home: Home
    feed: Published
    problem: str | None = None
    _board: Board = field(default_factory=Board)
    _read_from: object = None
    _looked_at_s: float = -1e9
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def board(self) -> Board:
        """Return the board on offer; looks for a newer one at most every `refresh_s` seconds."""
        refresh_s = self.home.settings.bets.refresh_s
        if time.monotonic() - self._looked_at_s > refresh_s and self._looking.acquire(blocking=self._read_from is None):
            try:
                if time.monotonic() - self._looked_at_s > refresh_s:
                    self._look()
            finally:
                self._looking.release()
        return self._board

    def _look(self) -> None:
        try:
            versions = self._versions()
            if versions != self._read_from:
                self._board = read_board(self.home, self.feed)
                self._read_from = versions
            self.problem = None
        except UNREADABLE as error:
            if self.problem is None:
                _log.error("the odds cannot be read, no bets are taken: %s: %s", type(error).__name__, error)
            self.problem = PROBLEMS["odds-away"]
        self._looked_at_s = time.monotonic()

    def _versions(self) -> object:
        tables = self.home.tables
        read = [
            (name, season, tables.version(name, season).digest) for name in READ for season in tables.partitions(name)
        ]
        ended = self.home.bets.ended_games(self._board.today or dt.date.min)
        return read, self.home.bundles.champion(GAME.name), self.feed.newest_known(), ended

    def offered(self, game_key: str) -> OfferedGame:
        """Return one game on offer. Raises Problem."""
        return offered_on(self.board(), game_key)


def read_board(home: Home, feed: Published) -> Board:
    """Return what the tables offer now; nothing before a game has landed, and no game whose result the feed tells."""
    now, tables, bets = today(home), home.tables, home.settings.bets
    seasons = tables.partitions(SCHEDULE.name)
    if now is None or not seasons:
        return Board(now)
    now = max(now, feed.newest_known() or now)
    coming = tables.read(SCHEDULE.name, filters=pl.col("game_date") > now)
    if not coming.is_empty():
        over = pl.col("game_key").is_in(list(home.bets.ended_games(now)))
        coming = coming.filter(~over, ~pl.col("game_date").is_in(list(feed.days_sent_whole())))
    predictions = GAME_PREDICTIONS.schema.to_frame()
    if tables.partitions(GAME_PREDICTIONS.name):
        champion = home.bundles.champion(GAME.name)
        found = tables.read(GAME_PREDICTIONS.name, filters=pl.col("game_date") > now)
        predictions = newest_predictions(found, now, None if champion is None else champion.digest)
    lines = read_lines(home, [str(season) for season in coming["season"].unique()])
    return Board(now, games_on_offer(coming, predictions, bets.margin, lines))


def read_lines(home: Home, seasons: list[str]) -> dict[str, float] | None:
    """Return the closing lines of coming games where odds come from them: those that the betting archive holds."""
    if home.settings.bets.odds == "champion":
        return None
    found: dict[str, float] = {}
    for season in seasons:
        if home.tables.has("raw_odds", season):
            found |= closing_lines(clean_games(None, home.tables.read("raw_odds", season)).valid)
    return found


def offered_on(board: Board, game_key: str) -> OfferedGame:
    """Return one of a board's games. Raises Problem."""
    found = board.games.get(game_key)
    if found is None:
        raise unknown_game(board, game_key)
    return found


def odds_away() -> Problem:
    """Return the problem for a bet while the odds cannot be read."""
    return Problem(503, "odds-away", "No bets are taken now", PROBLEMS["odds-away"])


def unknown_game(board: Board, game_key: str) -> Problem:
    """Return the problem for a game on which no bets are taken."""
    detail = (
        f"There are no odds on {game_key!r}; the platform's date is {board.today}. GET /v1/odds lists what is offered."
    )
    return Problem(404, "unknown-game", "No bets are taken on this game", detail)


def odds_game(offered: OfferedGame) -> OddsGame:
    """Return a game on offer as it is answered."""
    game, odds = offered.game, offered.odds
    return OddsGame(
        game_key=game.game_key,
        game_date=game.game_date,
        home_team=game.home_team,
        away_team=game.away_team,
        home_odds_hundredths=odds.home_hundredths,
        away_odds_hundredths=odds.away_hundredths,
        home_odds=decimal_text(odds.home_hundredths),
        away_odds=decimal_text(odds.away_hundredths),
        margin=round(float(odds.book_sum) - 1.0, 6),
        home_probability=offered.home_probability,
        champion=offered.champion,
        predicted_on=offered.predicted_on,
    )


def decimal_text(odds_hundredths: int) -> str:
    """Return odds as people write them, such as `1.91`."""
    return f"{odds_hundredths // 100}.{odds_hundredths % 100:02d}"


def odds_router(desk: OddsDesk) -> APIRouter:
    """Return the addresses of the odds."""
    router = APIRouter(tags=["odds"], prefix="/v1/odds")

    @router.get("", responses=responses({503: "No game has landed yet"}))
    def odds() -> OddsBoard:
        """Return the odds of the coming games, in the order of dates, with the champion's own probability."""
        board = desk.board()
        if board.today is None:
            raise Problem(503, "no-odds", "There are no odds yet", desk.problem or PROBLEMS["no-odds"])
        settings = desk.home.settings
        return OddsBoard(
            today=board.today,
            source=settings.bets.odds,
            league="synthetic league, invented players" if settings.uses_league else None,
            is_synthetic=settings.uses_league,
            notice=NOTICE,
            games=[odds_game(offered) for offered in board.games.values()],
        )

    @router.get("/{game_key}", responses=responses({404: "No bets are taken on this game"}))
    def odds_of_game(game_key: str) -> OddsOfGame:
        """Return the odds of one game."""
        board = desk.board()
        game = odds_game(offered_on(board, game_key))
        settings = desk.home.settings
        return OddsOfGame(
            **game.model_dump(),
            today=board.today,
            source=settings.bets.odds,
            is_synthetic=settings.uses_league,
            notice=NOTICE,
        )

    return router
