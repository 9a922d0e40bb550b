"""`parivision drift`: a drift report over a window of dates, and what it says."""

from __future__ import annotations

import datetime as dt

from parivision_assets.commands.console import OUT, print_json, print_table
from parivision_assets.commands.materialise import raise_for_failures, run_selection
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.drift import DriftSummary
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings
from parivision_assets.stores.drift_window import NothingToReportError, collect_window
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock
from parivision_assets.stores.reports import SUMMARY_FILE, StoredReport
from parivision_assets.stores.serving_record import season_span


def report(target: str, first: dt.date | None, last: dt.date | None, champion: str | None, *, as_json: bool) -> None:
    """Make the report through its asset and print it; raise CommandError in words where there is nothing to report."""
    if target not in TARGETS:
        raise CommandError(f"there is no target '{target}'; there are {', '.join(TARGETS)}")
    if first is not None and last is not None and last < first:
        raise CommandError(f"the window ends on {last}, before it begins on {first}; give the earlier date first")
    settings = Settings()
    home = Home(settings)
    season = season_of(home, target, last)
    given = {"first_date": first and first.isoformat(), "last_date": last and last.isoformat(), "champion": champion}
    name = f"{target}_drift_report"
    config = {name: {"config": {key: value for key, value in given.items() if value is not None}}}
    with home_lock(home.root, "parivision drift"):
        results = run_selection(settings, f"key:{name}", [season], config)
    raise_for_failures(results)
    kept = next((line for line in home.reports.reports(target) if line.run_id == results[0].run_id), None)
    if kept is None:
        try:
            collect_window(home, TARGETS[target], int(season), first, last, champion)
        except NothingToReportError as error:
            raise CommandError(str(error)) from error
        raise CommandError(f"{name} kept no report; see run {results[0].run_id} in `parivision dev`")
    show(home, kept, as_json=as_json)


def season_of(home: Home, target: str, day: dt.date | None) -> str:
    """Return the season that a date falls in, the newest with games when no date is given.

    Raises CommandError when no season of the target's features has begun by then.
    """
    table = TARGETS[target].table.name
    begun = []
    for season in home.tables.partitions(table):
        span = season_span(home, season)
        if span is not None and (day is None or span[0] <= day):
            begun.append(season)
    if not begun:
        when = "yet" if day is None else f"by {day}"
        raise CommandError(f"no season of {table} has begun {when}; fill it with `parivision run`")
    return begun[-1]


def show(home: Home, kept: StoredReport, *, as_json: bool) -> None:
    """Print the verdict, the three answers, the attribution and where the pages are."""
    summary = home.reports.read(kept.digest).summary
    folder = home.reports.folder(kept.digest)
    if as_json:
        print_json({"digest": kept.digest, "folder": str(folder), "verdict": summary.verdict, **summary.to_dict()})
        return
    title = f"{summary.target}, {summary.first_date} to {summary.last_date}: {summary.verdict}"
    OUT.print(f"[bold]{title}[/] (severity {summary.severity.value})", highlight=False)
    rows = [
        ("Has the input moved?", summary.input.moved, summary.input.reason),
        ("Has the relation moved?", summary.relation.moved, summary.relation.reason),
        ("Is the data broken?", summary.quality.broken, "; ".join([summary.quality.reason, *summary.quality.problems])),
    ]
    print_table("Three answers", ("question", "answer", "why"), rows)
    print_attribution(summary)
    asked = "asks for a retraining" if summary.retrain else "asks for no retraining"
    OUT.print(f"The report {asked}. Pages and figures ({SUMMARY_FILE} for programs): {folder}", highlight=False)


def print_attribution(summary: DriftSummary) -> None:
    """Print what the change in log loss is made of."""
    change = summary.attribution
    if change is None:
        OUT.print("No earlier games of this champion to compare with: the change in log loss is not attributed.")
        return
    rows = [
        ("before the window", change.reference_log_loss, None),
        ("in the window", change.current_log_loss, None),
        ("change", change.change_nats, change.change_se),
        ("of it covariate mix", change.mix_nats, change.mix_se),
        ("of it concept", change.concept_nats, change.concept_se),
        ("of it noise", change.noise_nats, None),
        *((f"concept in {item.column}", item.harm_nats, None) for item in change.columns[:3]),
    ]
    print_table("Log loss, nats per prediction", ("part", "nats", "± se"), rows)
