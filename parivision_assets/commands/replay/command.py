"""`parivision replay`: which seasons are lived, from which source, in which home; and what is told at the end."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from parivision_assets.commands.console import OUT, print_json, steps
from parivision_assets.commands.replay.core_engine import CoreEngine
from parivision_assets.commands.replay.engine import DagsterEngine
from parivision_assets.commands.replay.journal import Journal
from parivision_assets.commands.replay.loop import Loop, Truth
from parivision_assets.commands.replay.results import picture, print_results, summary
from parivision_assets.commands.replay.season import Past, PlayedSeason, play
from parivision_assets.commands.replay.track import Chances, Track, Vector
from parivision_assets.commands.simulate import scenario_of
from parivision_assets.commands.truth import league_truth
from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.game_state import GameState
from parivision_assets.core.league import League, LeagueConfig, generate
from parivision_assets.core.outcomes import served_rows
from parivision_assets.defs.days import land_day
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings, parse_seasons
from parivision_assets.sources.archives import Dataset
from parivision_assets.sources.day_by_day import DAILY, ArchiveDays, DaySource, LeagueDays, publish_day, publish_season
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock

PICTURE, RESULTS, JOURNAL = "replay.png", "replay.json", "journal.jsonl"


@dataclass(frozen=True)
class Question:
    """What is replayed: seasons lived and learnt beforehand, targets, share of the pinned training, last day."""

    lived: tuple[int, ...]
    learnt: tuple[int, ...]
    targets: tuple[str, ...] = tuple(TARGETS)
    budget: float = 1.0
    until: dt.date | None = None
    policy: LoopPolicy = field(default_factory=LoopPolicy)

    def __post_init__(self) -> None:
        """Refuse what cannot be lived, in words."""
        unknown = sorted(set(self.targets) - set(TARGETS))
        if unknown:
            raise CommandError(f"no target '{unknown[0]}'; there are {', '.join(TARGETS)}")
        if not self.learnt or not self.lived or max(self.learnt) >= min(self.lived):
            raise CommandError("a replay needs at least one season before those it lives, to train the first champion")


@dataclass
class SimulatedClock:
    """The moment that the ledger records: the end of the day that is lived."""

    day: dt.date = dt.date.min

    def __call__(self) -> dt.datetime:
        """Return the last minute of the day, UTC."""
        return dt.datetime.combine(self.day, dt.time(23, 59), dt.UTC)


@dataclass(frozen=True)
class Lived:
    """How a replay ended: everybody's losses, the events, how long it took, and where the picture is."""

    losses: pl.DataFrame
    events: list[dict[str, Any]]
    seconds: float
    picture: Path

    @property
    def summary(self) -> dict[str, Any]:
        """Return everything that was found, ready for JSON."""
        return summary(self.losses, self.events, self.seconds)


def replay(source: DaySource, question: Question, folder: Path, *, is_quick: bool) -> Lived:
    """Live the seasons in a home of their own below `folder`; one that was killed goes on where it was."""
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    live = live_by_core if is_quick else live_by_dagster
    with home_lock(folder, "parivision replay"), steps(len(question.lived) + 1) as progress:
        loop = live(source, question, folder, progress)
    lived = Lived(loop.losses.table, loop.events, time.perf_counter() - started, folder / PICTURE)
    lived.picture.write_bytes(picture(lived.losses, lived.events))
    (folder / RESULTS).write_text(json.dumps(lived.summary, indent=1, default=str))
    return lived


def live_by_dagster(source: DaySource, question: Question, folder: Path, progress: Progress) -> Loop:
    """Return the loop after its last day, every event a Dagster run in the replay's own home."""
    clock = SimulatedClock()
    home = Home(replay_settings(question, folder), clock)
    journal = journal_of(source, question, folder, "dagster")
    tracks = tracks_of(question)
    days = folder / "published" / "days"
    with DagsterEngine(home, question.budget, progress.say) as engine:

        def land(played: PlayedSeason, day: dt.date) -> None:
            clock.day = day
            for known in played.days:
                if source.known_on(known) <= day:
                    land_published(home, played, known, days)

        def prepare(played: PlayedSeason) -> None:
            for season in question.learnt:
                publish_season(source, season, folder / "published")
            clock.day = played.days[-1]
            journal.done("prepared", lambda: {"seasons": engine.prepare(list(question.learnt))})

        loop = Loop(
            engine, journal, question.policy, tracks, source.known_on, land, partial(serve, home), truth_of(source),
            progress.say,
        )  # fmt: skip
        live_seasons(loop, source, question, progress, prepare)
    return loop


def live_by_core(source: DaySource, question: Question, folder: Path, progress: Progress) -> Loop:
    """Return the loop after its last day, every event by the core alone: no tables, ledger or reports are kept."""
    tracks = tracks_of(question)
    engine = CoreEngine(
        question.budget, Settings().threads, bundles=BundleStore(folder / "models"),
        tracks={track.name: track for track in tracks},
    )  # fmt: skip
    loop = Loop(
        engine, journal_of(source, question, folder, "core"), question.policy, tracks, source.known_on,
        lambda _played, _day: None, lambda *_served: None, truth_of(source), progress.say,
    )  # fmt: skip
    live_seasons(loop, source, question, progress, lambda _played: None)
    return loop


class Progress(Protocol):
    """Where a replay says what it is doing."""

    def say(self, text: str) -> None:
        """Show what is being done."""

    def done(self) -> None:
        """Count one part as done."""


def live_seasons(
    loop: Loop, source: DaySource, question: Question, progress: Progress, prepare: Callable[[PlayedSeason], None]
) -> None:
    """Learn the first seasons whole, train the first champions, and live the others day by day."""
    past, played = Past({}, GameState()), None
    for season in question.learnt:
        progress.say(f"season {season}: read")
        played, past = play(source, season, past)
        learn_whole(loop.tracks, played)
        loop.engine.enter(Chances(loop.engine, played))
    if played is None:
        raise CommandError("a replay needs at least one season to train the first champion on")
    prepare(played)
    loop.begin(played)
    progress.done()
    for season in question.lived:
        progress.say(f"season {season}: read")
        played, past = play(source, season, past)
        loop.live(played, question.until, is_last=season == question.lived[-1])
        progress.done()


def journal_of(source: DaySource, question: Question, folder: Path, engine: str) -> Journal:
    """Return the journal of this question."""
    return Journal(folder / JOURNAL, {"question": asdict(question), "source": repr(source)[:500], "engine": engine})


def tracks_of(question: Question) -> tuple[Track, ...]:
    """Return a fresh track per target."""
    return tuple(Track(TARGETS[name]) for name in question.targets)


def replay_settings(question: Question, folder: Path) -> Settings:
    """Return the settings of the replay's own home, whose publisher is the replay itself."""
    published = folder / "published"
    return Settings(
        home=folder / "home",
        shots_url=str(published / "shots"),
        games_url=str(published / "games"),
        odds_url=str(published / "odds"),
        tracking_url=None,
        forecasts_url=None,
        seasons=tuple(sorted({*question.learnt, *question.lived})),
        retained_versions=1,
    )


def learn_whole(tracks: Sequence[Track], played: PlayedSeason) -> None:
    """Take in a season that is learnt before the first day that is lived."""
    for track in tracks:
        frame = played.features.get(track.target.table.name)
        if frame is not None:
            track.game_days += frame["game_date"].unique().sort().to_list()
            track.season_ended, track.last_game_of_ended_season = played.season, track.game_days[-1]


def land_published(home: Home, played: PlayedSeason, day: dt.date, folder: Path) -> None:
    """Publish one day as its publisher would, and land it as the feed does; a day that landed before is left."""
    where = folder / day.isoformat()
    if not where.exists():
        waiting = where.with_suffix(".partial")
        # What the checks refuse is held back, as a person would: in the tables it would stop the whole season.
        held = {Dataset.SHOTS} if day in played.refused else set()
        rows = {dataset: found for dataset, found in played.rows.items() if dataset not in held}
        if publish_day(rows, played.season, day, waiting):
            land_day(home, day, str(waiting))
            waiting.rename(where)


def serve(home: Home, track: Track, day: dt.date, rows: pl.DataFrame, said: Mapping[str, Vector]) -> None:
    """Record what each model said of a day (probabilities by digest), as `stores.serving_record` does."""
    for header in [header for header in track.models() if header.digest in said]:
        role = "champion" if header is track.champion else "challenger"
        frame = served_rows(track.target, rows, said[header.digest], header.trained_until)
        home.served.record(track.name, day, role, header.digest, frame)


def truth_of(source: DaySource) -> Callable[[int], Truth | None]:
    """Return each season's true probabilities, where the source is a league."""
    if not isinstance(source, LeagueDays):
        return lambda _season: None
    league: League = source.league
    return lambda season: lambda target, rows: league_truth(league, target, rows, season)


@dataclass(frozen=True)
class Asked:
    """The command's options as they were given."""

    folder: Path
    seasons: str | None
    learn: str | None
    targets: str | None
    budget: float
    until: dt.date | None
    scenario: str | None
    starts: dt.date | None
    seed: int
    teams: int
    games: int
    is_quick: bool


def run_command(asked: Asked, *, as_json: bool) -> None:
    """Live what was asked for, and tell how it went."""
    settings = Settings()
    source = league_source(asked) if settings.uses_league else archive_source(settings)
    lived = parse_seasons(asked.seasons) if asked.seasons else source.seasons[1:]
    learnt = parse_seasons(asked.learn) if asked.learn else tuple(s for s in source.seasons if s < min(lived))
    targets = tuple(asked.targets.split(",")) if asked.targets else tuple(TARGETS)
    question = Question(lived, learnt, targets, asked.budget, asked.until, settings.loop.policy)
    told = replay(source, question, asked.folder.expanduser().resolve(), is_quick=asked.is_quick)
    if as_json:
        print_json(told.summary)
        return
    print_results(told.losses, told.events, told.seconds)
    OUT.print(f"Picture: {told.picture}", highlight=False)


def league_source(asked: Asked) -> LeagueDays:
    """Return two seasons of the league that the options describe, the second with the scenario."""
    config = LeagueConfig(
        asked.seed, 2023, 2, teams=asked.teams, games_per_team=asked.games,
        scenario=scenario_of(asked.scenario, asked.starts or dt.date(2023, 11, 20)),
    )  # fmt: skip
    return LeagueDays(generate(config))


def archive_source(settings: Settings) -> ArchiveDays:
    """Return the configured archives as a source."""
    return ArchiveDays({dataset: settings.source_url(dataset) for dataset in DAILY}, settings.seasons)
