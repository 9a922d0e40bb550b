"""The live source's one entrance: a day, a season, the coming games. It asks, cross-checks and never hands out a hole.

How to ask belongs to `transport`, what answers mean to `convert` and `schedule`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from parivision_assets.core import team_codes
from parivision_assets.sources.live import convert
from parivision_assets.sources.live.answers import Absent, Fetched, Harvest, LeftOut, Receipt
from parivision_assets.sources.live.errors import LiveFormatError, LiveSourceError, require_extra
from parivision_assets.sources.live.schedule import to_coming_games, to_schedule
from parivision_assets.sources.live.settings import SYSTEM_CLOCK, Clock, LiveSettings

if TYPE_CHECKING:
    from parivision_assets.sources.live.transport import StatsClient

_TYPE_DIGITS = {"Pre Season": "001", "Regular Season": "002", "Playoffs": "004", "PlayIn": "005"}
"""The first three digits of the game ids of each season type."""

_GAME_ID = pl.col("number").cast(pl.Int64)
_LATER = "run again later; what was landed before stays as it was"


@dataclass(frozen=True)
class _Schedule:
    """The schedule as a witness: a table, or why there is none."""

    frame: pl.DataFrame | None
    note: str | None = None

    @property
    def home_team_ids(self) -> dict[int, int]:
        if self.frame is None:
            return {}
        return dict(self.frame.select(_GAME_ID, "home_team_id").iter_rows())

    def due_on(self, date: dt.date) -> list[int] | None:
        """Return the games that a date should hold, or None when nobody can say."""
        if self.frame is None or self.frame.is_empty():
            return None
        playable = ~pl.col("is_postponed") & (~pl.col("is_if_necessary") | pl.col("is_over"))
        return self.frame.filter((pl.col("game_date") == date) & playable).select(_GAME_ID).to_series().to_list()

    def over(self) -> list[int] | None:
        """Return the games that are over, or None when nobody can say."""
        if self.frame is None or self.frame.is_empty():
            return None
        return self.frame.filter("is_over").select(_GAME_ID).to_series().to_list()


class LiveSource:
    """Reads the league's statistics service; keep one per process, so that pace and circuit breakers are shared."""

    def __init__(
        self,
        settings: LiveSettings | None = None,
        clock: Clock = SYSTEM_CLOCK,
        keep: Callable[[Receipt, bytes], None] | None = None,
    ) -> None:
        """Remember the settings; nothing is imported or asked before the first question.

        `keep` is called with every accepted answer's bytes as received, for the landing zone.

        Raises:
            MissingExtraError: on the first question, when the extra `live` is not installed.
        """
        self._settings = settings or LiveSettings()
        self._clock = clock
        self._keep = keep
        self._client: StatsClient | None = None

    def close(self) -> None:
        """Close the connections, if any were opened."""
        if self._client is not None:
            self._client.close()

    def day(self, date: dt.date) -> Harvest:
        """Return one date's finished games and their shots, whole games only, in the archives' formats.

        Asks three times: games, schedule (the witness that none is missing), shots.

        Raises:
            LiveSourceError: an endpoint did not answer, or answered something else than what was asked.
        """
        asked = _Session(self._ready(), self._settings)
        team_games = asked.team_games(date_from_nullable=date.isoformat(), date_to_nullable=date.isoformat())
        _refuse_other_dates(team_games, date)
        season = _season_of(team_games) or convert.season_on(date)
        schedule = asked.witness(season)
        due = schedule.due_on(date)
        games = _games(team_games, schedule, due, f"on {date}")
        day = {"date_from_nullable": date.isoformat(), "date_to_nullable": date.isoformat()}
        shots = _shots(
            games, team_games, lambda: asked.shots(season, team_ids=(0,), **day), self._settings, f"on {date}"
        )
        return Harvest(games, shots, tuple(asked.receipts))

    def season(self, season: int) -> Harvest:
        """Return a season's finished games and their shots so far (2021 is 2020-21), whole games only.

        Shots are asked for team by team, so that no answer is large: 32 requests in all.

        Raises:
            LiveSourceError: an endpoint did not answer, or answered something else than what was asked.
        """
        asked = _Session(self._ready(), self._settings)
        team_games = asked.team_games(season_nullable=convert.season_name(season))
        if _season_of(team_games) not in {None, season}:
            raise LiveFormatError(
                convert.GAMES_ENDPOINT, f"asked for season {season}, answered another", convert.UPDATE
            )
        schedule = asked.witness(season)
        games = _games(team_games, schedule, schedule.over(), f"in season {season}")
        teams = tuple(sorted(team_codes.NBA_TEAM_IDS))
        shots = _shots(
            games, team_games, lambda: asked.shots(season, team_ids=teams), self._settings, f"in season {season}"
        )
        return Harvest(games, shots, tuple(asked.receipts))

    def coming_games(self, today: dt.date, days: int = 7) -> Fetched | Absent:
        """Return the games of the `days` dates from `today` on that are not over, as far as teams are known.

        Columns: `contracts.SCHEDULE`, then game_id and tip_off_utc (null while not fixed).

        Raises:
            LiveSourceError: the schedule did not answer.
        """
        asked = _Session(self._ready(), self._settings)
        last = today + dt.timedelta(days=days - 1)
        seasons = sorted({convert.season_on(today), convert.season_on(last)})
        frame = pl.concat([asked.schedule(season) for season in seasons])
        if frame.is_empty():
            return Absent(
                "game_schedule", f"the schedule of {convert.season_name(seasons[-1])} holds no game", _LATER, None
            )
        wanted = pl.col("game_date").is_between(today, last) & ~pl.col("is_over") & ~pl.col("is_postponed")
        coming = to_coming_games(frame.filter(wanted & ~pl.col("is_if_necessary")))
        if coming.is_empty():
            return Absent("game_schedule", f"no game is scheduled from {today} to {last}", "nothing to do", 0)
        return Fetched(coming)

    def _ready(self) -> StatsClient:
        if self._client is None:
            require_extra()
            from parivision_assets.sources.live.transport import StatsClient

            self._client = StatsClient(self._settings, self._clock, self._keep)
        return self._client


class _Session:
    """The questions of one harvest, with their receipts."""

    def __init__(self, client: StatsClient, settings: LiveSettings) -> None:
        self._client = client
        self._settings = settings
        self.receipts: list[Receipt] = []

    def _ask(self, endpoint: Any) -> dict[str, Any]:
        """Send what one of the package's endpoint objects would send, through our own client."""
        answer = self._client.ask(endpoint.endpoint, endpoint.parameters)
        self.receipts.append(answer.receipt)
        return answer.payload

    def team_games(self, **limits: str) -> pl.DataFrame:
        from nba_api.stats.endpoints import leaguegamefinder

        payload = self._ask(
            leaguegamefinder.LeagueGameFinder(
                player_or_team_abbreviation="T", league_id_nullable="00", get_request=False, **limits
            )
        )
        return convert.result_set(payload, convert.GAMES_ENDPOINT, "LeagueGameFinderResults", convert.TEAM_GAME_COLUMNS)

    def shots(self, season: int, team_ids: tuple[int, ...], **limits: str) -> pl.DataFrame:
        from nba_api.stats.endpoints import shotchartdetail

        frames = []
        for season_type in self._settings.shot_season_types:
            for team_id in team_ids:
                # The service's default measure, PTS, would leave every missed shot out.
                question = shotchartdetail.ShotChartDetail(
                    team_id=team_id, player_id=0, context_measure_simple="FGA", season_type_all_star=season_type,
                    season_nullable=convert.season_name(season), get_request=False, **limits,
                )  # fmt: skip
                frames.append(
                    convert.result_set(
                        self._ask(question), convert.SHOTS_ENDPOINT, "Shot_Chart_Detail", convert.SHOT_COLUMNS
                    )
                )
        return pl.concat(frames)

    def schedule(self, season: int) -> pl.DataFrame:
        from nba_api.stats.endpoints import scheduleleaguev2

        name = convert.season_name(season)
        return to_schedule(self._ask(scheduleleaguev2.ScheduleLeagueV2(season=name, get_request=False)))

    def witness(self, season: int) -> _Schedule:
        """Return the schedule, or why there is none: a witness that fails must not stop the games."""
        try:
            return _Schedule(self.schedule(season))
        except LiveSourceError as error:
            return _Schedule(None, f"not checked against the schedule: {error}")


def _season_of(team_games: pl.DataFrame) -> int | None:
    """Return the season of the answered games, or None when there are none; more than one is a format error."""
    seasons = {int(text[1:]) + 1 for text in team_games["SEASON_ID"].unique()}
    if len(seasons) > 1:
        raise LiveFormatError(
            convert.GAMES_ENDPOINT, f"asked for one season, answered {sorted(seasons)}", convert.UPDATE
        )
    return seasons.pop() if seasons else None


def _refuse_other_dates(team_games: pl.DataFrame, date: dt.date) -> None:
    """Raise when the service ignored the date: parameters that it does not know it ignores silently."""
    other = team_games.filter(pl.col("GAME_DATE").fill_null("") != date.isoformat())
    if not other.is_empty():
        problem = f"asked for {date}, answered {other.height} row(s) of other dates, first {other['GAME_DATE'][0]}"
        raise LiveFormatError(convert.GAMES_ENDPOINT, problem, convert.UPDATE)


def _games(team_games: pl.DataFrame, schedule: _Schedule, due: list[int] | None, when: str) -> Fetched | Absent:
    frame, left_out = convert.to_archive_games(team_games, schedule.home_team_ids)
    known = {*frame["GAME_ID"].to_list(), *(game.game_id for game in left_out)}
    missing = tuple(
        LeftOut(game, "in the schedule, but the game list does not have it (yet)")
        for game in due or []
        if game not in known
    )
    left_out = (*left_out, *missing)
    if not frame.is_empty():
        return Fetched(frame, left_out, (schedule.note,) if schedule.note else ())
    if due == [] and not left_out:
        return Absent("games", f"no game was scheduled {when}", "nothing to do", 0)
    if due is None and not left_out:
        reason = f"the service lists no game {when}, and the schedule could not confirm it"
        return Absent("games", f"{reason} ({schedule.note})" if schedule.note else reason, _LATER, None)
    return Absent("games", f"{len(left_out)} game(s) exist {when}, none of them final and whole", _LATER,
                  len(left_out), left_out)  # fmt: skip


def _shots(
    games: Fetched | Absent,
    team_games: pl.DataFrame,
    ask: Callable[[], pl.DataFrame],
    settings: LiveSettings,
    when: str,
) -> Fetched | Absent:
    if isinstance(games, Absent):
        return replace(games, dataset="shots")
    prefixes = [_TYPE_DIGITS[name] for name in settings.shot_season_types]
    final = {f"{number:010d}" for number in games.frame["GAME_ID"].to_list()}
    charted = team_games.filter(
        pl.col("GAME_ID").is_in(list(final)) & pl.col("GAME_ID").str.slice(0, 3).is_in(prefixes)
    )
    pending = tuple(game for game in games.left_out if f"{game.game_id:010d}"[:3] in prefixes)
    if charted.is_empty():
        types = " or ".join(settings.shot_season_types)
        expected = len(pending)
        return Absent(
            "shots",
            f"no finished game of the {types} {when}",
            _LATER if expected else "nothing to do",
            expected,
            pending,
        )
    rows = ask().filter(pl.col("GAME_ID").is_in(charted["GAME_ID"].unique().to_list()))
    short = convert.incompletely_charted(charted, rows)
    whole = rows.filter(~pl.col("GAME_ID").cast(pl.Int64).is_in([game.game_id for game in short]))
    if whole.is_empty():
        reason = f"{charted['GAME_ID'].n_unique()} game(s) were played {when}, but none has its shots"
        return Absent("shots", reason, _LATER, charted["GAME_ID"].n_unique(), (*short, *pending))
    return Fetched(convert.to_archive_shots(whole), (*short, *pending), games.notes)
