"""The loop, lived day by day: land, score before the outcome is known, learn it, watch, report, retrain, promote.

The order of one day is the platform's own. What is cheap happens here on the same core functions as in the assets;
what is an event (report, training, judgement) is the engine's. What was done is the journal's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from parivision_assets.commands.replay.engine import Engine, Trained
from parivision_assets.commands.replay.journal import Journal
from parivision_assets.commands.replay.losses import FIRST, LOOP, OPTIMUM, YEARLY, LossBook
from parivision_assets.commands.replay.season import PlayedSeason
from parivision_assets.commands.replay.track import Chances, Track, Vector
from parivision_assets.core.adaptation import (
    Cause,
    ChallengerHeader,
    LoopPolicy,
    ReportHeader,
    Retraining,
    report_due,
    retraining_due,
)
from parivision_assets.core.evidence import Contest, Evidence, GamePair, SeenGames, collect_evidence
from parivision_assets.core.monitor import relation
from parivision_assets.core.promotion import GateConfig, Verdict, decide
from parivision_assets.core.targets import Target

Truth = Callable[[Target, pl.DataFrame], Vector]


@dataclass
class Loop:
    """One replay: its targets' tracks, and what everybody lost."""

    engine: Engine
    journal: Journal
    policy: LoopPolicy
    tracks: tuple[Track, ...]
    known_on: Callable[[dt.date], dt.date]
    land: Callable[[PlayedSeason, dt.date], None]
    serve: Callable[[Track, dt.date, pl.DataFrame, Mapping[str, Vector]], None]
    truth: Callable[[int], Truth | None]
    say: Callable[[str], None]
    losses: LossBook = field(default_factory=LossBook)
    events: list[dict[str, Any]] = field(default_factory=list)

    def begin(self, played: PlayedSeason) -> None:
        """Train the first challengers on the seasons that are learnt before the first day that is lived."""
        for track in self.tracks:
            due = retraining_due(track.situation(), self.policy)
            if due is not None:
                self._train(track, played, played.days[-1], due)

    def live(self, played: PlayedSeason, until: dt.date | None = None, *, is_last: bool = False) -> None:
        """Live one season's days, or those until a date; after the last season nothing more is trained."""
        chances, truth = Chances(self.engine, played), self.truth(played.season)
        self.engine.enter(chances)
        for track in self.tracks:
            track.yearly, track.unserved = track.next_yearly or track.yearly, []
        offered = {track.name: _by_day(played, track.target) for track in self.tracks}
        late: list[tuple[dt.date, Track, dt.date]] = []
        for day in [day for day in played.days if until is None or day <= until]:
            self.say(f"{day}  season {played.season}")
            self.land(played, day)
            for track in self.tracks:
                if day in offered[track.name]:
                    self._score(track, day, offered[track.name][day], chances, truth)
                    late.append((self.known_on(day), track, day))
            learnt = [item for item in late if item[0] <= day]
            late = [item for item in late if item[0] > day]
            for _, track, of_day in learnt:
                self._learn(track, of_day, offered[track.name][of_day], chances)
            for track in self.tracks:
                track.pending = sum(1 for item in late if item[1] is track)
                if not is_last:
                    _end_season(track, played, day, max(offered[track.name], default=None))
                self._act(track, played, day, chances)

    def _score(self, track: Track, day: dt.date, span: slice, chances: Chances, truth: Truth | None) -> None:
        """Record what the champion and the shadow say of a day, and what every contestant will have lost."""
        rows = chances.played.features[track.target.table.name][span]
        self._serve(track, day, span, chances)
        for header in track.models():
            seen = track.watch_of(header, self.engine.reference(header.digest))
            track.watches[header.digest] = seen.meet(track.met(rows))
        label = rows[track.target.label].cast(pl.Float64).to_numpy()
        contestants = {
            FIRST: track.first,
            LOOP: track.serving.digest if track.serving else None,
            YEARLY: track.yearly,
        }
        for name, digest in contestants.items():
            if digest is not None:
                chance = chances.of(track.target, digest)[span]
                self.losses.add(track.name, day, chances.played.season, name, label, chance)
        if truth is not None:
            self.losses.add(track.name, day, chances.played.season, OPTIMUM, label, truth(track.target, rows))

    def _serve(self, track: Track, day: dt.date, span: slice, chances: Chances) -> None:
        """Record what champion and shadow say; before there is a champion nobody serves.

        The first champion is then recorded for the season's days since it was trained, as in `stores.serving_record`.
        """
        track.unserved.append((day, span))
        if track.champion is None:
            return
        for of_day, where in track.unserved:
            said = {
                header.digest: chances.of(track.target, header.digest)[where]
                for header in track.models()
                if of_day > header.trained_until
            }
            self.serve(track, of_day, chances.played.features[track.target.table.name][where], said)
        track.unserved = []

    def _learn(self, track: Track, day: dt.date, span: slice, chances: Chances) -> None:
        """Take in a day's outcomes: the monitors' bets are settled, the gate's evidence grows."""
        rows = track.met(chances.played.features[track.target.table.name][span])
        for header in track.models():
            if day > header.trained_until:
                said = rows.with_columns(pl.Series("probability", chances.of(track.target, header.digest)[span]))
                seen = track.watch_of(header, self.engine.reference(header.digest))
                track.watches[header.digest] = seen.settle(day, said)
        track.game_days.append(day)

    def _act(self, track: Track, played: PlayedSeason, day: dt.date, chances: Chances) -> None:
        """Do what is due at the end of a day: report, retrain, look."""
        if not track.game_days:
            return
        track.verdict_now = self._verdict(track, played, day)
        why = report_due(track.situation(), self.policy)
        if why is not None:
            self._report(track, played, day, why)
        due = retraining_due(track.situation(), self.policy)
        if due is not None:
            self._train(track, played, day, due)
        elif track.shadow is not None:
            self._look(track, played, day, chances)

    def _report(self, track: Track, played: PlayedSeason, day: dt.date, why: str) -> None:
        """Make the full report; what it says is what the policy acts on."""

        def do() -> dict[str, Any]:
            self.say(f"{day}  {track.name}: drift report, {why}")
            return _plain(self.engine.report(track.name, played.season))

        event = self.journal.done(f"{day} {track.name} report", do)
        track.report = _header(event)
        named = columns_of(track) if "concept" in track.report.verdict else []
        told = {name: value for name, value in event.items() if name != "key"}
        self.events.append({"day": day, "target": track.name, "event": "report", "why": why, "columns": named, **told})

    def _train(self, track: Track, played: PlayedSeason, day: dt.date, due: Retraining) -> None:
        """Train a challenger; it scores in shadow from the next day on."""

        def do() -> dict[str, Any]:
            self.say(f"{day}  {track.name}: training, {due.reason}")
            return asdict(self.engine.train(due, played.season))

        event = self.journal.done(f"{day} {track.name} training {due.key}", do)
        trained = Trained(event["digest"], event["verdict"], event["number"], event["yearly"])
        track.challenger = ChallengerHeader(
            trained.digest, due.until, due.cause, due.change_date, due.report, is_champion=False
        )
        track.shadow_number, track.shadow_verdict, track.pairs = trained.number, trained.verdict, []
        track.shadow_season = played.season
        track.compare(played.season, trained.digest)
        if due.cause is Cause.FIRST:
            track.first = track.yearly = trained.digest
        if due.cause is Cause.SEASON_OVER:
            track.next_yearly = trained.yearly
        self.events.append(
            {"day": day, "target": track.name, "event": "training", "cause": due.cause.value, "why": due.reason}
        )

    def _look(self, track: Track, played: PlayedSeason, day: dt.date, chances: Chances) -> None:
        """Let the gate look: cheaply every night, as an event when its verdict is a new one."""
        if not self._may_be_news(track, chances):
            return

        def do() -> dict[str, Any]:
            self.say(f"{day}  {track.name}: the gate looks")
            return asdict(self.engine.judge(track.name, played.season))

        event = self.journal.done(f"{day} {track.name} look", do)
        track.shadow_season, track.shadow_number = played.season, event["number"]
        if track.challenger is not None:
            track.compare(played.season, track.challenger.digest)
        if event["verdict"] == track.shadow_verdict:
            return
        track.shadow_verdict = event["verdict"]
        shown = {"event": event["verdict"], "why": event["reason"]}
        self.events.append({"day": day, "target": track.name, **shown})
        if track.challenger is not None and event["champion"] == track.challenger.digest:
            track.challenger = track.champion = replace(track.challenger, is_champion=True)

    def _may_be_news(self, track: Track, chances: Chances) -> bool:
        """Return whether the gate's look tonight belongs in the ledger: the season's first, or of another verdict."""
        challenger, champion = track.challenger, track.champion
        if challenger is None:
            return False
        since = max(header.trained_until for header in (challenger, champion) if header is not None)
        rows = gate_rows(track, chances, since)
        if rows.is_empty():
            return False
        if track.shadow_season != chances.played.season:
            # A pair's first look in a season fixes its number there.
            return True
        if champion is None:
            # The baseline's probabilities are the gate's own affair; from its smallest number of games on it is asked.
            return rows["game"].n_unique() >= GateConfig.for_target(track.name).min_games
        contest = Contest(
            track.name, chances.played.season, challenger.digest, champion.digest,
            champion_is_baseline=False, number=track.shadow_number,
        )  # fmt: skip
        track.pairs += new_pairs(rows, contest, track.pairs)
        glance = Evidence(contest, tuple(track.pairs), (), None, None, SeenGames.of(()), SeenGames.of(()))
        verdict = decide(glance).verdict
        if verdict is Verdict.PROMOTE:
            # Enough evidence; whether every other condition holds takes all rows.
            slices = [part.name for part in track.target.slices]
            verdict = decide(collect_evidence(rows, contest, (), (), slices)).verdict
        return verdict.value != track.shadow_verdict

    def _verdict(self, track: Track, played: PlayedSeason, day: dt.date) -> str:
        """Return the daily monitoring's verdict on the champion."""
        if day in played.refused and track.target.table.name == "shot_features":
            self.events.append({"day": day, "target": track.name, "event": "refused", "why": played.refused[day]})
            return "data broken"
        seen = track.watches.get(track.champion.digest) if track.champion else None
        return "none" if seen is None else seen.verdict()


def columns_of(track: Track) -> list[str]:
    """Return the columns whose relation moved most, as the daily watch of the champion has them."""
    seen = track.watches.get(track.champion.digest) if track.champion else None
    return [] if seen is None else [harm.column for harm in relation(seen.monitor).columns[:3]]


def _plain(header: ReportHeader) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, dt.date) else value for name, value in asdict(header).items()}


def _header(event: Mapping[str, Any]) -> ReportHeader:
    since = event["since"]
    return ReportHeader(
        event["digest"], event["season"], dt.date.fromisoformat(event["last_date"]), event["verdict"],
        event["retrain"], None if since is None else dt.date.fromisoformat(since),
    )  # fmt: skip


def _by_day(played: PlayedSeason, target: Target) -> dict[dt.date, slice]:
    """Return where each day's events lie in the season's feature table."""
    frame = played.features.get(target.table.name)
    if frame is None:
        return {}
    spans = frame.with_row_index("_row").group_by("game_date").agg(pl.col("_row").min(), pl.len().alias("_n"))
    return {day: slice(first, first + count) for day, first, count in spans.iter_rows()}


def _end_season(track: Track, played: PlayedSeason, day: dt.date, last: dt.date | None) -> None:
    """Note that the season is over, once its last outcomes are known."""
    if last is not None and day >= last and track.game_days and track.game_days[-1] == last:
        track.season_ended, track.last_game_of_ended_season = played.season, last


def gate_rows(track: Track, chances: Chances, since: dt.date) -> pl.DataFrame:
    """Return the gate's rows: labelled games after `since`, with both models' probabilities where both are there."""
    target, frame = track.target, chances.played.features[track.target.table.name]
    models = {"challenger": track.challenger, "champion": track.champion}
    rows = frame.with_columns(
        pl.Series(name, chances.of(target, header.digest)) for name, header in models.items() if header is not None
    )
    known = rows.filter((pl.col("game_date") > since) & pl.col("game_date").is_in(track.game_days))
    return known.select(
        pl.col(target.group).cast(pl.String).alias("game"),
        "game_date",
        pl.col(target.label).cast(pl.Int8).alias("label"),
        *[name for name, header in models.items() if header is not None],
        *[part.rows.alias(part.name) for part in target.slices],
    )


def new_pairs(rows: pl.DataFrame, contest: Contest, known: Iterable[GamePair]) -> list[GamePair]:
    """Return the pairs of the games that are not among the known ones."""
    seen = {pair.game for pair in known}
    fresh = rows.filter(~pl.col("game").is_in(list(seen)))
    return [] if fresh.is_empty() else list(collect_evidence(fresh, contest, (), ()).games)
