"""The jobs by which a person intervenes, each recorded in the ledger with actor and reason."""

import datetime as dt
from enum import Enum

import dagster as dg
from pydantic import Field

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.contracts import SHOTS
from parivision_assets.core.shot_rules import RELEASABLE
from parivision_assets.stores.acknowledgements import acknowledge
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.home import Home
from parivision_assets.stores.platform_date import today
from parivision_assets.stores.releases import release
from parivision_assets.stores.rollbacks import PREVIOUS, rollback

TargetName = Enum("TargetName", {name: name for name in TARGETS})  # type: ignore[misc]  # the launchpad offers these


class ReleaseConfig(dg.Config):
    """Which rule is lifted for which season, by whom, and why."""

    season: str = Field(description="Season partition, such as 2021")
    rule: str = Field(description="The rule as the quarantine names it. One of: " + "; ".join(sorted(RELEASABLE)))
    actor: str = Field(description="Who decides", min_length=1)
    reason: str = Field(description="Why these rows are right; kept in the ledger", min_length=5)


class RollbackConfig(dg.Config):
    """Which earlier champion serves again, by whom, and why."""

    target: TargetName = Field(description="Whose champion is replaced")
    champion: str = Field(
        default=PREVIOUS,
        description="Digest of an earlier champion's bundle, or its beginning (see promotion_decisions); "
        "`previous` is the one that today's champion replaced",
    )
    actor: str = Field(description="Who decides", min_length=1)
    reason: str = Field(description="What is wrong with today's champion; kept in the ledger", min_length=5)


class AcknowledgementConfig(dg.Config):
    """Whose drift is known, until when, by whom, and why nothing need be learnt from it."""

    target: TargetName = Field(description="Whose drift is known")
    until: str = Field(
        description="Last game date on which drift leads to no retraining, such as 2021-03-31; reports go on"
    )
    actor: str = Field(description="Who decides", min_length=1)
    reason: str = Field(description="Why the model need not learn this; kept in the ledger", min_length=5)


@dg.op(description="Record the release in the ledger; materialise validated_shots of the season to let the rows in")
def record_release(context: dg.OpExecutionContext, config: ReleaseConfig, home: dg.ResourceParam[Home]) -> None:
    """Append the release to the ledger."""
    record = release(home.ledger, SHOTS.name, config.season, config.rule, config.actor, config.reason)
    if record is None:
        context.log.info("this rule was released for this season before; nothing was recorded")
    else:
        context.log.info("release recorded as ledger entry %s", record.sequence)


@dg.op(description="Record the rollback in the ledger, then let the bundle pointer and MLflow's alias follow")
def record_rollback(context: dg.OpExecutionContext, config: RollbackConfig, home: dg.ResourceParam[Home]) -> None:
    """Append the rollback to the ledger and put the earlier champion in place."""
    # A run that is launched again after a failure is the same request.
    request = context.run.root_run_id or context.run.run_id
    try:
        record = rollback(home, config.target.value, config.champion, config.actor, config.reason, request)
    except (ValueError, LookupError, StoreError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(
        "%s serves %s again, ledger entry %s", config.target.value, record.content()["champion"], record.sequence
    )


@dg.op(description="Record in the ledger that a target's drift is known; it leads to no retraining until the date")
def record_acknowledgement(
    context: dg.OpExecutionContext, config: AcknowledgementConfig, home: dg.ResourceParam[Home]
) -> None:
    """Append the acknowledgement to the ledger."""
    until, date = _date(config.until), today(home)
    if date is not None and until < date:
        raise dg.Failure(f"{until} is over, the platform's date is {date}; give a later date", allow_retries=False)
    record = acknowledge(home.ledger, config.target.value, until, config.actor, config.reason)
    if record is None:
        context.log.info("this was acknowledged until this date before; nothing was recorded")
    else:
        context.log.info("acknowledgement recorded as ledger entry %s", record.sequence)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise dg.Failure(f"until: {text!r} is no date; write 2021-03-31", allow_retries=False) from error


@dg.job(description="Let quarantined shots of one season and rule through, with actor and reason in the ledger")
def release_quarantine() -> None:
    """Release quarantined rows."""
    record_release()


@dg.job(name="rollback", description="Let an earlier champion serve again, with actor and reason in the ledger")
def rollback_job() -> None:
    """Roll back."""
    record_rollback()


@dg.job(description="Drift of one target is known: no retraining because of it until a date, on the record")
def acknowledge_drift() -> None:
    """Acknowledge drift."""
    record_acknowledgement()


def jobs() -> list[dg.JobDefinition]:
    """Return the jobs by which a person intervenes, each with a reason that the ledger keeps."""
    return [release_quarantine, rollback_job, acknowledge_drift]
