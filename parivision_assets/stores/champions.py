"""From a challenger's bundle to the ledger: the judged decision, and the alias and pointer that follow it.

The rule is `core.promotion.decide`; compare-and-swap and the chain are the ledger's. What is here is the order in
which they are used: decide on the head, append, then let MLflow's alias and the bundle pointer follow the ledger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from parivision_assets.core.evidence import Contest, Evidence, collect_evidence
from parivision_assets.core.model_files import load
from parivision_assets.core.promotion import PromotionDecision, decide
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.bundles import Bundle
from parivision_assets.stores.chain import Entry, Head, Kind, Record
from parivision_assets.stores.home import Home

MODEL_FOLDER = "model/"
SEEN_GAMES_FILE = "seen_games.json"
DECISION_FILE = "decision.json"


@dataclass(frozen=True)
class Judgement:
    """What became of a challenger: the decision, its ledger entry, and the bundle that serves now (None: none yet)."""

    decision: PromotionDecision
    record: Record
    champion_digest: str | None
    is_new: bool


def bundle_files(model_files: dict[str, bytes], seen_games: list[str]) -> dict[str, bytes]:
    """Return a bundle's files: the model in its folder, and the games it was made from."""
    return {
        **{f"{MODEL_FOLDER}{name}": data for name, data in model_files.items()},
        SEEN_GAMES_FILE: json.dumps(sorted(seen_games)).encode(),
    }


def bundle_model(bundle: Bundle) -> TrainedModel:
    """Return the trained model that a bundle holds."""
    names = [name for name in bundle.files if name.startswith(MODEL_FOLDER)]
    return load({name.removeprefix(MODEL_FOLDER): bundle.files[name] for name in names})


def seen_games(bundle: Bundle) -> list[str]:
    """Return the games that a bundle's model was made from."""
    found: list[str] = json.loads(bundle.files[SEEN_GAMES_FILE])
    return found


def judge(
    home: Home, target: Target, challenger: str, holdout: pl.DataFrame, training: pl.DataFrame, actor: str
) -> Judgement:
    """Decide on a challenger on games that neither model has seen, record it, and let everything follow the ledger.

    Args:
        home: the stores.
        target: what the models predict.
        challenger: digest of the challenger's bundle.
        holdout: feature rows of one season, later than the training seasons, with labels.
        training: label and baseline keys of the training seasons, for the baseline.
        actor: who asks, for the ledger.

    Judging the champion itself, or the same pair on the same evidence again, appends nothing.
    """

    def entry_on(_head: Head) -> Entry | None:
        if _settled(home, target, challenger, holdout, training) is not None:
            return None
        decision = _decide(home, target, challenger, holdout, training)
        # The ledger cites the games; the whole evidence is kept beside it, for whoever decides again.
        kept = home.bundles.write_bundle({DECISION_FILE: json.dumps(decision.to_dict()).encode()}, {"kind": "decision"})
        payload = decision.summary() | {"decision_bundle": kept.digest}
        return Entry(Kind.DECISION, target.name, actor, decision.reason, payload)

    appended = home.ledger.settle(entry_on)
    record = appended or _settled(home, target, challenger, holdout, training)
    if record is None:
        raise StoreError(f"{target.name}: a decision was neither recorded nor found; run `parivision ledger verify`")
    return Judgement(read_decision(home, record), record, follow_ledger(home, target.name), appended is not None)


def read_decision(home: Home, record: Record) -> PromotionDecision:
    """Return the whole decision that a ledger entry cites, with every game."""
    bundle = home.bundles.read_bundle(record.content()["decision_bundle"])
    return PromotionDecision.from_dict(json.loads(bundle.files[DECISION_FILE]))


def follow_ledger(home: Home, target: str) -> str | None:
    """Point the bundle pointer and MLflow's alias at the ledger's champion; return its digest, if there is one."""
    champion = home.ledger.champion(target)
    if champion is None:
        return None
    pointer = home.bundles.champion(target)
    if pointer is None or pointer.digest != champion.model:
        home.bundles.set_champion(target, champion.model, champion.entry.sequence, repair=True)
    home.registry.point_alias(target, "champion", champion.model)
    home.registry.keep_head(home.registry.run_of_bundle(target, champion.model), str(home.ledger.head()))
    return champion.model


def _settled(
    home: Home, target: Target, challenger: str, holdout: pl.DataFrame, training: pl.DataFrame
) -> Record | None:
    """Return the entry that already answers this question, or None."""
    champion = home.ledger.champion(target.name)
    decisions = [record for record in home.ledger.records(target.name) if record.kind == Kind.DECISION]
    if champion is not None and champion.model == challenger:
        return next(record for record in reversed(decisions) if record.content()["challenger"] == challenger)
    asked = [record for record in decisions if record.content()["challenger"] == challenger]
    if not asked:
        return None
    evidence = _evidence(home, target, challenger, holdout, training)
    same = (evidence.contest.champion, evidence.digest())
    answers = (r for r in asked if (r.content()["champion"], r.content()["evidence_digest"]) == same)
    return next(answers, None)


def _decide(
    home: Home, target: Target, challenger: str, holdout: pl.DataFrame, training: pl.DataFrame
) -> PromotionDecision:
    return decide(_evidence(home, target, challenger, holdout, training))


def _evidence(home: Home, target: Target, challenger: str, holdout: pl.DataFrame, training: pl.DataFrame) -> Evidence:
    """Return both models' predictions on the holdout, game by game; the first champion meets a baseline."""
    bundle = home.bundles.read_bundle(challenger)
    champion = home.ledger.champion(target.name)
    season = int(holdout["season"].to_numpy().max())
    if champion is None:
        baseline = target.baselines[-1]
        rival, rival_seen = baseline.name, seen_games(bundle)
        rival_probability = baseline_probability(target, baseline, training, holdout)
    else:
        rival_bundle = home.bundles.read_bundle(champion.model)
        rival, rival_seen = champion.model, seen_games(rival_bundle)
        rival_probability = bundle_model(rival_bundle).predict(holdout)
    rows = holdout.select(
        pl.col(target.group).alias("game"),
        "game_date",
        pl.col(target.label).cast(pl.Int8).alias("label"),
        pl.Series("challenger", bundle_model(bundle).predict(holdout)),
        pl.Series("champion", rival_probability),
        *[part.rows.alias(part.name) for part in target.slices],
    )
    contest = Contest(
        target=target.name,
        season=season,
        challenger=challenger,
        champion=rival,
        champion_is_baseline=champion is None,
        number=home.ledger.comparison_number(target.name, season, challenger, rival),
    )
    return collect_evidence(rows, contest, seen_games(bundle), rival_seen, [part.name for part in target.slices])
