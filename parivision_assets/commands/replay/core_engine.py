"""The events of a replay by the core alone: for many leagues an hour, and a first look at many seasons.

The same training, gate and monitoring functions as in the assets, without tables, ledger, registry and pages. A test
holds it to the Dagster engine: the same events on the same days, with the same verdicts.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from parivision_assets.commands.replay.engine import Judged, Trained
from parivision_assets.commands.replay.loop import gate_rows
from parivision_assets.commands.replay.recipe import newest_seasons, replay_config
from parivision_assets.commands.replay.track import Chances, Track
from parivision_assets.core.adaptation import Cause, ReportHeader, Retraining
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.evidence import Contest, Evidence, collect_evidence
from parivision_assets.core.model_files import to_files
from parivision_assets.core.monitor import relation
from parivision_assets.core.promotion import Verdict, decide
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, TrainingConfig, fit
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.stores.bundled_models import bundle_model
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.champions import bundle_files, bundle_reference

Fit = Callable[[Target, pl.DataFrame, TrainingConfig], TrainedModel]


@dataclass
class CoreEngine:
    """Events in memory; `seasons` holds the feature tables by season and name, the current season's included."""

    budget: float
    threads: int
    fit: Fit = fit
    bundles: BundleStore | None = None
    seasons: dict[int, dict[str, pl.DataFrame]] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    chances: Chances | None = None
    models: dict[str, TrainedModel] = field(default_factory=dict)
    references: dict[str, Reference | None] = field(default_factory=dict)

    def enter(self, chances: Chances) -> None:
        """See Engine."""
        self.seasons[chances.played.season] = dict(chances.played.features)
        self.chances = chances

    def train(self, due: Retraining, season: int) -> Trained:
        """See Engine."""
        digest = self._fitted(due.target, due.until, due.change_date)
        compares = due.cause is Cause.SEASON_OVER and due.change_date is not None
        plain = self._fitted(due.target, due.until, None) if compares else digest
        number = self.tracks[due.target].compare(season, digest)
        return Trained(digest, Verdict.NOT_ENOUGH_DATA.value, number, plain)

    def judge(self, target: str, season: int) -> Judged:
        """See Engine."""
        track = self.tracks[target]
        evidence = self._evidence(track, season)
        decision = decide(evidence)
        promoted = decision.verdict is Verdict.PROMOTE
        challenger, champion = track.challenger, track.champion
        serving = challenger if promoted and challenger is not None else champion
        digest = serving.digest if serving else None
        return Judged(decision.verdict.value, decision.reason, digest, evidence.contest.number)

    def report(self, target: str, season: int) -> ReportHeader:
        """See Engine."""
        track = self.tracks[target]
        if track.champion is None:
            raise ValueError(f"{target}: no champion to report on")
        seen = track.watches[track.champion.digest]
        answer = relation(seen.monitor)
        retrain = answer.moved and not track.pending and track.verdict_now != "data broken"
        last = track.game_days[-1]
        return ReportHeader(f"{target}-{last}", season, last, track.verdict_now, retrain, answer.since)

    def model(self, digest: str) -> TrainedModel:
        """See Engine."""
        if digest not in self.models and self.bundles is not None:
            bundle = self.bundles.read_bundle(digest)
            self.models[digest], self.references[digest] = bundle_model(bundle), bundle_reference(bundle)
        return self.models[digest]

    def reference(self, digest: str) -> Reference | None:
        """See Engine."""
        self.model(digest)
        return self.references[digest]

    def _fitted(self, target_name: str, until: dt.date, change_date: dt.date | None) -> str:
        target = TARGETS[target_name]
        config = replay_config(target, self.budget, change_date, self.threads)
        rows = self._training_rows(target, until)
        model = self.fit(target, rows, config)
        reference = Reference.of(target, rows)
        digest = self._kept(model, reference)
        self.models[digest], self.references[digest] = model, reference
        return digest

    def _kept(self, model: TrainedModel, reference: Reference) -> str:
        """Return the model's digest, kept where a resumed replay finds it."""
        files = bundle_files(to_files(model), [], reference)
        if self.bundles is not None:
            return self.bundles.write_bundle(files, {"kind": "replay", "target": model.target}).digest
        return hashlib.sha256(b"".join(data for _, data in sorted(files.items()))).hexdigest()

    def _training_rows(self, target: Target, until: dt.date) -> pl.DataFrame:
        """Return the newest seasons' rows until a date."""
        tables = [found[target.table.name] for _, found in sorted(self.seasons.items()) if target.table.name in found]
        return newest_seasons(target, pl.concat(tables).filter(pl.col("game_date") <= until))

    def _evidence(self, track: Track, season: int) -> Evidence:
        challenger, champion = track.challenger, track.champion
        if challenger is None or self.chances is None:
            raise ValueError(f"{track.name}: no challenger to judge")
        since = max(header.trained_until for header in (challenger, champion) if header is not None)
        rows = gate_rows(track, self.chances, since)
        rival = champion.digest if champion else track.target.baselines[-1].name
        if champion is None:
            training = self._training_rows(track.target, challenger.trained_until)
            frame = self.chances.played.features[track.target.table.name]
            met = frame.filter((pl.col("game_date") > since) & pl.col("game_date").is_in(track.game_days))
            chance = baseline_probability(track.target, track.target.baselines[-1], training, met)
            rows = rows.with_columns(pl.Series("champion", chance))
        number = track.compare(season, challenger.digest)
        contest = Contest(
            track.name, season, challenger.digest, rival, champion_is_baseline=champion is None, number=number
        )
        return collect_evidence(rows, contest, (), (), [part.name for part in track.target.slices])
