"""From a challenger's bundle to the ledger: nightly looks, what of them is recorded, and what follows the ledger.

The rule is `core.promotion.decide`; compare-and-swap and the chain are the ledger's. What is here is the order in
which they are used: decide on the head, append, then let MLflow's alias and the bundle pointer follow the ledger.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.adaptation import Cause, ChallengerHeader
from parivision_assets.core.evidence import Contest, collect_evidence
from parivision_assets.core.promotion import PromotionDecision, decide
from parivision_assets.core.reference import Reference
from parivision_assets.core.targets import Target
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bundled_models import MODEL_FOLDER, bundle_model, trained_until
from parivision_assets.stores.bundles import Bundle
from parivision_assets.stores.chain import Entry, Head, Kind, Record, champions
from parivision_assets.stores.following import follow_ledger
from parivision_assets.stores.home import Home
from parivision_assets.stores.tables import parquet_bytes

SEEN_GAMES_FILE = "seen_games.json"
REFERENCE_FILE = "reference.json"
DECISION_FILE = "decision.json"
HOLDOUT_FILE = "holdout.parquet"
"""What the model's family and settings said of games that they were not fitted on: the reference of drift reports."""


@dataclass(frozen=True)
class Judgement:
    """What became of a challenger: the decision, its ledger entry, and the bundle that serves now (None: none yet)."""

    decision: PromotionDecision
    record: Record
    champion_digest: str | None
    is_new: bool


def bundle_files(
    model_files: dict[str, bytes], seen_games: list[str], reference: Reference | None = None
) -> dict[str, bytes]:
    """Return a bundle's files: the model in its folder, the games it was made from, what its days are compared with."""
    recorded = {} if reference is None else {REFERENCE_FILE: json.dumps(reference.to_dict(), sort_keys=True).encode()}
    return {
        **{f"{MODEL_FOLDER}{name}": data for name, data in model_files.items()},
        SEEN_GAMES_FILE: json.dumps(sorted(seen_games)).encode(),
        **recorded,
    }


def holdout_file(target: Target, held: pl.DataFrame, probability: npt.NDArray[np.float64]) -> bytes:
    """Return the predictions on held-back feature rows as a bundle keeps them, in the rows' order."""
    return parquet_bytes(
        held.select(
            pl.col(target.group).cast(pl.String).alias("game"),
            "game_date",
            pl.col(target.label).cast(pl.Boolean).alias("label"),
            pl.Series("probability", probability, dtype=pl.Float64),
        )
    )


def bundle_holdout(bundle: Bundle) -> pl.DataFrame | None:
    """Return the kept predictions on games that a model was not fitted on, None where the bundle has none."""
    data = bundle.files.get(HOLDOUT_FILE)
    return None if data is None else pl.read_parquet(io.BytesIO(data))


def bundle_reference(bundle: Bundle) -> Reference | None:
    """Return what the model's days are compared with; None for a bundle that has none recorded."""
    recorded = bundle.files.get(REFERENCE_FILE)
    return None if recorded is None else Reference.from_dict(json.loads(recorded))


def seen_games(bundle: Bundle) -> list[str]:
    """Return the games that a bundle's model was made from."""
    found: list[str] = json.loads(bundle.files[SEEN_GAMES_FILE])
    return found


def paired_rows(
    target: Target, games: pl.DataFrame, challenger: npt.NDArray[np.float64], champion: npt.NDArray[np.float64]
) -> pl.DataFrame:
    """Return what a look rests on: game, game_date, season, label, both models' probabilities, and the slices.

    `games` are feature rows with labels, `challenger` and `champion` their probabilities in the same order.
    """
    return games.select(
        pl.col(target.group).cast(pl.String).alias("game"),
        "game_date",
        "season",
        pl.col(target.label).cast(pl.Int8).alias("label"),
        pl.Series("challenger", challenger),
        pl.Series("champion", champion),
        *[part.rows.alias(part.name) for part in target.slices],
    )


def rival_probability(
    home: Home, target: Target, games: pl.DataFrame, training: pl.DataFrame
) -> npt.NDArray[np.float64]:
    """Return what the challenger is held against, per feature row: the champion, or a baseline before the first one.

    `training` holds label and baseline keys of the challenger's training rows.
    """
    champion = home.ledger.champion(target.name)
    if champion is None:
        return baseline_probability(target, target.baselines[-1], training, games)
    return bundle_model(home.bundles.read_bundle(champion.model)).predict(games)


def look(home: Home, target: Target, challenger: str, rows: pl.DataFrame) -> PromotionDecision:
    """Decide on a challenger as of now and record nothing: what `judge` would decide on the same games.

    `rows` are those of `paired_rows` against today's champion (or the baseline); games that are not dated after
    both models' newest training row are left out. No game is no error: there is not enough data then.
    """
    bundle = home.bundles.read_bundle(challenger)
    champion = home.ledger.champion(target.name)
    rival = bundle if champion is None else home.bundles.read_bundle(champion.model)
    newest = max(trained_until(bundle), trained_until(rival))
    unseen = rows.filter(pl.col("game_date") > newest, pl.col("label").is_not_null())
    seasons = unseen["season"] if unseen.height else pl.Series(bundle.metadata["train_seasons"])
    season = int(seasons.to_numpy().max())
    name = target.baselines[-1].name if champion is None else champion.model
    contest = Contest(
        target=target.name,
        season=season,
        challenger=challenger,
        champion=name,
        champion_is_baseline=champion is None,
        number=home.ledger.comparison_number(target.name, season, challenger, name),
    )
    slices = [part.name for part in target.slices]
    return decide(collect_evidence(unseen, contest, seen_games(bundle), seen_games(rival), slices))


def is_news(records: Sequence[Record], decision: PromotionDecision) -> bool:
    """Return whether a look belongs in the ledger, given the target's entries, oldest first.

    A pair's first look in a season does (it fixes the pair's number there); later ones only when the verdict differs
    from the pair's last entry: the evidence is valid at any time, so looks that are not recorded cost nothing.
    """
    last = _last_entry(records, decision.evidence.contest)
    return last is None or last.content()["verdict"] != decision.verdict.value


def judge(
    home: Home, target: Target, challenger: str, games: pl.DataFrame, training: pl.DataFrame, actor: str
) -> Judgement:
    """Look at a challenger, record the look if it is news, and let everything follow the ledger.

    Args:
        home: the stores.
        target: what the models predict.
        challenger: digest of the challenger's bundle.
        games: feature rows with labels; those not dated after both models' newest training row are left out.
        training: label and baseline keys of the challenger's training rows, for the baseline.
        actor: who asks, for the ledger.

    A challenger that was champion before is not judged again: neither twice, nor against a rollback.
    """
    looks: list[_Look] = []
    probability = bundle_model(home.bundles.read_bundle(challenger)).predict(games)

    def entry_on(_head: Head) -> Entry | None:
        records = home.ledger.records(target.name)
        promoted = promotion_of(records, challenger)
        if promoted is not None:
            looks.append(_Look(read_decision(home, promoted), promoted))
            return None
        rows = paired_rows(target, games, probability, rival_probability(home, target, games, training))
        decision = look(home, target, challenger, rows)
        looks.append(_Look(decision, _last_entry(records, decision.evidence.contest)))
        return _entry(home, decision, actor) if is_news(records, decision) else None

    appended = home.ledger.settle(entry_on)
    record = appended or looks[-1].record
    if record is None:
        raise StoreError(f"{target.name}: a decision was neither recorded nor found; run `parivision ledger verify`")
    return Judgement(looks[-1].decision, record, follow_ledger(home, target.name), appended is not None)


@dataclass(frozen=True)
class _Look:
    decision: PromotionDecision
    record: Record | None
    """The pair's newest entry before this look."""


def _entry(home: Home, decision: PromotionDecision, actor: str) -> Entry:
    """Return a decision's entry; the ledger cites the games, the whole evidence is kept beside it for auditors."""
    kept = home.bundles.write_bundle({DECISION_FILE: json.dumps(decision.to_dict()).encode()}, {"kind": "decision"})
    payload = decision.summary() | {"decision_bundle": kept.digest}
    return Entry(Kind.DECISION, decision.evidence.contest.target, actor, decision.reason, payload)


def promotion_of(records: Sequence[Record], challenger: str) -> Record | None:
    """Return the newest entry that promoted this challenger, or None."""
    for record in reversed(records):
        content = record.content()
        if record.kind == Kind.DECISION and content["verdict"] == "promote" and content["challenger"] == challenger:
            return record
    return None


def _last_entry(records: Sequence[Record], contest: Contest) -> Record | None:
    """Return the newest entry on this pair in this season, or None."""
    pair = (contest.challenger, contest.champion, contest.season)
    for record in reversed(records):
        content = record.content()
        if record.kind == Kind.DECISION and (content["challenger"], content["champion"], content["season"]) == pair:
            return record
    return None


def read_decision(home: Home, record: Record) -> PromotionDecision:
    """Return the whole decision that a ledger entry cites, with every game."""
    bundle = home.bundles.read_bundle(record.content()["decision_bundle"])
    return PromotionDecision.from_dict(json.loads(bundle.files[DECISION_FILE]))


def newest_challenger(home: Home, target: str) -> ChallengerHeader | None:
    """Return the challenger whose first look is the newest, promoted or not; None before the first."""
    records = home.ledger.records(target)
    looked_at = (str(record.content()["challenger"]) for record in records if record.kind == Kind.DECISION)
    order = list(dict.fromkeys(looked_at))
    if not order:
        return None
    digest = order[-1]
    served = {found.model for found in champions(records, target)}
    return header_of(home.bundles.read_bundle(digest), is_champion=digest in served)


def header_of(bundle: Bundle, *, is_champion: bool) -> ChallengerHeader:
    """Return what a bundle's model learnt until when and why; raise StoreError or KeyError where it does not say."""
    change = bundle.metadata.get("change_date")
    return ChallengerHeader(
        digest=bundle.ref.digest,
        trained_until=trained_until(bundle),
        cause=Cause(bundle.metadata["cause"]),
        change_date=None if change is None else dt.date.fromisoformat(change),
        report=bundle.metadata.get("report"),
        is_champion=is_champion,
    )


def shadow(home: Home, target: str) -> ChallengerHeader | None:
    """Return the challenger that scores beside the champion: the newest, unless it was promoted."""
    newest = newest_challenger(home, target)
    return None if newest is None or newest.is_champion else newest
