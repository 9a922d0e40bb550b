"""`parivision simulate`: write a synthetic league."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from parivision_assets.commands.console import OUT, print_json, steps
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, generate
from parivision_assets.errors import CommandError
from parivision_assets.sources.synthetic import write_day, write_league


def league_config(
    seed: int,
    first_season: int,
    seasons: int,
    scenario: str | None,
    starts: dt.date | None,
    until: dt.date | None,
    *,
    small: bool,
) -> LeagueConfig:
    """Return the league that the options describe; raise CommandError for an unknown scenario."""
    change = scenario_of(scenario, starts or dt.date(first_season + seasons - 1, 1, 15))
    teams, games = (8, 20) if small else (30, 82)
    return LeagueConfig(
        seed, first_season, seasons, teams=teams, games_per_team=games, published_until=until, scenario=change
    )


def write(config: LeagueConfig, folder: Path, day: dt.date | None, *, as_json: bool) -> None:
    """Write the league, and one held-back day beside it when asked, and say where the files are."""
    with steps(1) as progress:
        progress.say(f"drawing {config.seasons} season(s)")
        league = generate(config)
        paths = write_league(config, folder, league)
        added = [] if day is None else write_day(league, folder, day)
    if day is not None and not added:
        raise CommandError(f"no game is played on {day}; choose a day after --until")
    found = {name: str(getattr(paths, name)) for name in ("shots", "games", "odds", "tracking", "forecasts", "truth")}
    if as_json:
        report = {"seed": config.seed, "seasons": list(config.season_numbers), **found}
        print_json({**report, "day_files": [str(path) for path in added]})
        return
    for name, path in found.items():
        OUT.print(f"{name:>10}  {path}", highlight=False)
    for file in added:
        OUT.print(f"{'day':>10}  {file}", highlight=False)


def scenario_of(name: str | None, starts: dt.date) -> Scenario | None:
    """Return the scenario of that name, None for none; raise CommandError for an unknown one."""
    if name is None:
        return None
    known = [kind.value for kind in ScenarioKind]
    if name not in known:
        raise CommandError(f"no scenario '{name}'; choose one of {', '.join(known)}")
    return Scenario(ScenarioKind(name), starts)
