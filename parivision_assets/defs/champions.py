"""Champion assets: the promoted model of each target, the value being the serving bundle, and all decisions."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from parivision_assets import pictures
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import PROMOTION_DECISIONS
from parivision_assets.core.evaluation import calibration_curve
from parivision_assets.core.targets import Target
from parivision_assets.defs.io_managers import StoredBundle
from parivision_assets.defs.publishing import (
    OWNERS,
    Events,
    contract_spec,
    image,
    markdown_table,
    publish,
    table_options,
)
from parivision_assets.stores.bundled_models import bundle_model, trained_until
from parivision_assets.stores.champions import Judgement, judge
from parivision_assets.stores.decisions import decision_table
from parivision_assets.stores.following import repair_champions
from parivision_assets.stores.home import Home


class ChampionConfig(dg.Config):
    """Who asks; the gate judges on every game that neither model has seen."""

    actor: str = Field(default="dagster", description="Who asks for the decision, as the ledger records it")


def champion_asset(target: Target) -> dg.AssetsDefinition:
    """Return the promoted-model asset of one target. A rejected challenger is a successful run."""
    challenger_name, name = f"{target.name}_challenger", f"{target.name}_champion"

    @dg.asset(
        name=name,
        group_name="champions",
        description=f"The promoted model: {target.description.lower()}. Its value is the serving bundle.",
        owners=list(OWNERS),
        kinds={"xgboost", "mlflow"},
        code_version="1",
        ins={
            "challenger": dg.AssetIn(challenger_name),
            "features": dg.AssetIn(target.table.name, partition_mapping=dg.AllPartitionMapping()),
        },
        io_manager_key="bundles",
        output_required=False,
    )
    def champion(
        context: dg.AssetExecutionContext,
        config: ChampionConfig,
        home: dg.ResourceParam[Home],
        challenger: StoredBundle | None,
        features: pl.LazyFrame | None,
    ) -> Iterator[dg.MaterializeResult[StoredBundle]]:
        if challenger is None or features is None:
            raise dg.Failure(f"{challenger_name} was never made; materialise it first")
        for problem in repair_champions(home):
            context.log.warning(problem)
        bundle = home.bundles.read_bundle(challenger.digest)
        newest = trained_until(bundle)
        later = features.filter(pl.col("game_date") > newest).collect()
        keys = {key for baseline in target.baselines for key in baseline.keys}
        trained_on = pl.col("season").is_in(bundle.metadata["train_seasons"]) & (pl.col("game_date") <= newest)
        training = features.filter(trained_on).select(target.label, *sorted(keys)).collect()
        judgement = judge(home, target, challenger.digest, later, training, config.actor)
        context.log.info(judgement.decision.reason)
        if judgement.champion_digest is None:
            context.log.warning("%s has no champion yet: %s", target.name, judgement.decision.reason)
            return
        yield dg.MaterializeResult(
            value=StoredBundle(judgement.champion_digest),
            data_version=dg.DataVersion(judgement.champion_digest),
            metadata=champion_metadata(home, target, judgement, later),
        )

    return champion


def champion_metadata(home: Home, target: Target, judgement: Judgement, games: pl.DataFrame) -> dict[str, Any]:
    """Return the decision in words, its figures, the ledger's head, and the champion's calibration on unseen games."""
    decision = judgement.decision
    guards = pl.DataFrame(
        [
            {
                "condition": guard.name,
                "passed": "not judged" if guard.passed is None else str(guard.passed),
                "detail": guard.detail,
            }
            for guard in decision.guards
        ],
        schema={"condition": pl.String, "passed": pl.String, "detail": pl.String},
    )
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "champion_bundle": judgement.champion_digest,
        "ledger_entry": judgement.record.sequence,
        "ledger_head": str(home.ledger.head()),
        "mean_gain_nats": decision.mean_gain_nats,
        "conditions": dg.MetadataValue.md(markdown_table(guards)),
        **champion_calibration(home, target, str(judgement.champion_digest), games),
    }


def champion_calibration(home: Home, target: Target, digest: str, games: pl.DataFrame) -> dict[str, Any]:
    """Return a picture of the champion's calibration on games it has not seen; nothing while there are none."""
    bundle = home.bundles.read_bundle(digest)
    unseen = games.filter(pl.col("game_date") > trained_until(bundle))
    if unseen.is_empty():
        return {}
    curve = calibration_curve(unseen[target.label].to_numpy(), bundle_model(bundle).predict(unseen))
    title = f"{target.name} champion on unseen games"
    return {"calibration": image(pictures.calibration_png({"champion": curve}, title))}


def champion_assets() -> list[dg.AssetsDefinition]:
    """Return the champions of all targets and the table of decisions."""

    @dg.asset(
        **table_options(PROMOTION_DECISIONS, "champions", set(), None),
        deps=[f"{name}_champion" for name in TARGETS],
        check_specs=[contract_spec(PROMOTION_DECISIONS, None)],
    )
    def promotion_decisions(home: dg.ResourceParam[Home]) -> Events:
        verification = home.ledger.verify()
        problems = [] if verification.intact else [f"the ledger is not intact: {verification.message}"]
        yield from publish(
            PROMOTION_DECISIONS,
            decision_table(home.ledger.records()),
            problems=problems,
            metadata={"ledger": verification.message, "ledger_head": str(verification.head)},
        )

    return [*(champion_asset(target) for target in TARGETS.values()), promotion_decisions]
