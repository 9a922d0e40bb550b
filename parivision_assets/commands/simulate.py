"""`parivision simulate`: write a synthetic league."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from parivision_assets.commands.console import OUT, print_json, steps
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind
from parivision_assets.errors import CommandError
from parivision_assets.sources.synthetic import write_league


def write(
    folder: Path,
    seed: int,
    first_season: int,
    seasons: int,
    scenario: str | None,
    starts: dt.date | None,
    *,
    small: bool,
    as_json: bool,
) -> None:
    """Write the league and say where its files are."""
    change = _scenario(scenario, starts, first_season + seasons - 1)
    teams, games = (8, 20) if small else (30, 82)
    config = LeagueConfig(seed, first_season, seasons, teams=teams, games_per_team=games, scenario=change)
    with steps(1) as progress:
        progress.say(f"drawing {seasons} season(s)")
        paths = write_league(config, folder)
    found = {name: str(getattr(paths, name)) for name in ("shots", "games", "odds", "tracking", "forecasts", "truth")}
    if as_json:
        print_json({"seed": seed, "seasons": list(config.season_numbers), **found})
        return
    for name, path in found.items():
        OUT.print(f"{name:>10}  {path}", highlight=False)


def _scenario(name: str | None, starts: dt.date | None, last_season: int) -> Scenario | None:
    if name is None:
        return None
    known = [kind.value for kind in ScenarioKind]
    if name not in known:
        raise CommandError(f"no scenario '{name}'; choose one of {', '.join(known)}")
    return Scenario(ScenarioKind(name), starts or dt.date(last_season, 1, 15))
