"""`parivision run`: land a day if asked, materialise a selection, print what was made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from parivision_assets.commands.console import OUT, print_json, print_table, steps
from parivision_assets.commands.run import Phase, RunResult, materialise, phases, skipped
from parivision_assets.definitions import build_definitions
from parivision_assets.defs.days import land_day
from parivision_assets.defs.instance import open_instance
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings, parse_seasons
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock

LAYERS_OF_A_DAY = "group:raw or group:validated or group:history or group:features"


def day_selection(datasets: Iterable[str]) -> str:
    """Return the selection of everything up to features that follows from the datasets that landed."""
    roots = " or ".join(f"key:raw_{dataset}+" for dataset in sorted(set(datasets)))
    return f"({roots}) and ({LAYERS_OF_A_DAY})"


def run_command(select: str, seasons: str | None, day: dt.date | None, source: str | None, *, as_json: bool) -> None:
    """Materialise and report; raise CommandError with one line when anything failed."""
    settings = Settings()
    home = Home(settings)
    with home_lock(home.root, "parivision run"):
        chosen = chosen_seasons(settings, seasons)
        if day is not None and source is not None:
            landed = land_day(home, day, source)
            chosen = sorted({str(item.season) for item in landed})
            select = day_selection(item.dataset for item in landed) if select == "*" else select
        results = run_selection(settings, select, chosen)
    if as_json:
        print_json({"ok": all(result.succeeded for result in results), "runs": [asdict(result) for result in results]})
    else:
        print_results(results)
    raise_for_failures(results)


def chosen_seasons(settings: Settings, seasons: str | None) -> list[str]:
    """Return the partition keys to run; raise CommandError for seasons that this installation does not have."""
    if seasons is None:
        return settings.season_keys
    wanted = [str(season) for season in parse_seasons(seasons)]
    unknown = [season for season in wanted if season not in settings.season_keys]
    if unknown:
        raise CommandError(
            f"season(s) {', '.join(unknown)} are not configured; PARIVISION_SEASONS has "
            f"{settings.season_keys[0]}-{settings.season_keys[-1]}"
        )
    return wanted


def run_selection(
    settings: Settings, select: str, seasons: Sequence[str], op_config: Mapping[str, Any] | None = None
) -> list[RunResult]:
    """Materialise a selection in the persistent instance, one Dagster run per phase.

    A season that fails stops no other season, and everything that is made from all of them: the champions stay.
    """
    definitions, home = build_definitions(settings), Home(settings)
    with open_instance(home) as instance:
        planned = phases(definitions, select, seasons)
        results: list[RunResult] = []
        with steps(len(planned)) as progress:
            for phase in planned:
                failed = [result.name for result in results if result.run_id and not result.succeeded]
                if failed and phase.follows_seasons:
                    results.append(skipped(phase, failed))
                else:
                    progress.say(phase.name)
                    config = _for_phase(phase, op_config)
                    results.append(materialise(definitions, instance, phase, progress.say, config))
                progress.done()
    home.tables.prune(settings.retained_versions)
    return results


def _for_phase(phase: Phase, op_config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    names = {key.to_user_string() for key in phase.keys}
    return {name: config for name, config in (op_config or {}).items() if name in names}


def print_results(results: Sequence[RunResult]) -> None:
    """Print one line per run and everything that went wrong below."""
    rows = []
    for result in results:
        states = list(result.assets.values())
        rows.append(
            (
                result.name,
                "succeeded" if result.succeeded else "FAILED",
                len(states) - states.count("absent"),
                states.count("absent"),
                sum(result.rows.values()),
                f"{result.seconds:.1f} s",
            )
        )
    print_table("What was made", ("part", "state", "assets", "absent", "rows", "time"), rows)
    for result in results:
        for problem in result.problems:
            OUT.print(f"[bold red]{result.name}[/]: {problem}", highlight=False)


def raise_for_failures(results: Sequence[RunResult]) -> None:
    """Raise CommandError with one clear line when a run failed."""
    failed = [result for result in results if not result.succeeded]
    if failed:
        first = failed[0].problems[0] if failed[0].problems else "see the run in `parivision dev`"
        raise CommandError(f"{len(failed)} of {len(results)} parts failed; {failed[0].name}: {first}")
