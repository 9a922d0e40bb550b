"""All seasons of a folder of published files, raw to features, in process; then one more day. Prints figures.

    python benchmarks/raw_to_features.py ../shared/data

The day is the newest season's last date, cut from the season file and landed as a day file of its own.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from parivision_assets.commands.materialise import day_selection
from parivision_assets.commands.run import materialise, phases
from parivision_assets.definitions import build_definitions
from parivision_assets.defs.days import land_day
from parivision_assets.defs.instance import open_instance
from parivision_assets.settings import Settings
from parivision_assets.sources.archives import find_shots, read, seasons_available
from parivision_assets.stores.home import Home

SELECTION = "group:raw or group:validated or (group:history and not key:serving_state) or group:features"


def day_file(folder: Path, shots_url: str, season: int) -> tuple[str, Path]:
    """Write the newest date of a season as a day file; return the date and the file."""
    file = find_shots(shots_url, season)
    if file is None:
        raise SystemExit(f"no shots of {season} at {shots_url}")
    rows = read(file)
    dates = rows["GAME_DATE"].str.to_date("%m-%d-%Y")
    newest = dates.max()
    path = folder / f"NBA_{season}_Shots.{newest}.csv"
    rows.filter(dates == newest).drop("source_file", "source_row").write_csv(path)
    return str(newest), path


def main(data: Path) -> None:
    """Measure and print JSON."""
    imported = time.perf_counter()
    import great_expectations  # noqa: F401 - warmed, so that the figure is the work

    warmed = time.perf_counter() - imported
    with tempfile.TemporaryDirectory() as folder:
        seasons = seasons_available(str(data / "shots"))
        settings = Settings(
            home=Path(folder) / "home",
            seasons=tuple(seasons),
            **{f"{name}_url": str(data / name) for name in ("shots", "games", "odds", "tracking")},
        )
        definitions, home = build_definitions(settings), Home(settings)
        with open_instance(home) as instance:
            started = time.perf_counter()
            results = []
            for phase in phases(definitions, SELECTION, settings.season_keys):
                results.append(materialise(definitions, instance, phase, lambda _text: None))
                print(f"{results[-1].name}: {results[-1].seconds:.2f} s", file=sys.stderr)
            everything_s = time.perf_counter() - started
            date, path = day_file(Path(folder), str(data / "shots"), seasons[-1])
            started = time.perf_counter()
            landed = land_day(home, pl.Series([date]).str.to_date()[0], str(path))
            follows = f"({day_selection(item.dataset for item in landed)}) and not key:serving_state"
            day = materialise(
                definitions, instance, phases(definitions, follows, [str(seasons[-1])])[0], lambda _: None
            )
            day_s = time.perf_counter() - started
    problems = [problem for result in [*results, day] for problem in result.problems]
    print(
        json.dumps(
            {
                "seasons": len(seasons),
                "shots": sum(result.rows.get("validated_shots", 0) for result in results),
                "importing_great_expectations_s": round(warmed, 1),
                "raw_to_features_s": round(everything_s, 1),
                "one_more_day_s": round(day_s, 1),
                "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
                "problems": problems,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
