"""The job by which a person releases quarantined rows; the season is then materialised again."""

import dagster as dg
from pydantic import Field

from parivision_assets.core.contracts import SHOTS
from parivision_assets.core.shot_rules import RELEASABLE
from parivision_assets.stores.home import Home
from parivision_assets.stores.releases import release


class ReleaseConfig(dg.Config):
    """Which rule is lifted for which season, by whom, and why."""

    season: str = Field(description="Season partition, such as 2021")
    rule: str = Field(description="The rule as the quarantine names it. One of: " + "; ".join(sorted(RELEASABLE)))
    actor: str = Field(description="Who decides")
    reason: str = Field(description="Why these rows are right; kept in the ledger", min_length=5)


@dg.op(description="Record the release in the ledger; materialise validated_shots of the season to let the rows in")
def record_release(context: dg.OpExecutionContext, config: ReleaseConfig, home: dg.ResourceParam[Home]) -> None:
    """Append the release to the ledger."""
    record = release(home.ledger, SHOTS.name, config.season, config.rule, config.actor, config.reason)
    if record is None:
        context.log.info("this rule was released for this season before; nothing was recorded")
    else:
        context.log.info("release recorded as ledger entry %s", record.sequence)


@dg.job(description="Let quarantined shots of one season and rule through, with actor and reason in the ledger")
def release_quarantine() -> None:
    """Release quarantined rows."""
    record_release()


def jobs() -> list[dg.JobDefinition]:
    """Return the jobs by which a person intervenes, each with a reason that the ledger keeps."""
    return [release_quarantine]
