"""How often the 90 % interval holds the true probability: `python benchmarks/interval_coverage.py --seeds 0-3`.

A league of 30 teams with 40 games each: models learn two seasons at a quarter of the pinned rounds, and every event of
the third is answered. The truth is the league's own, given the published columns. Coverage is counted per target and
set of withheld contexts, per number of attempts remembered of the shooter, and per place. Constants of `core.interval`
were chosen on seeds from 1000; two to three minutes per seed on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.commands.replay.recipe import newest_seasons, replay_config
from parivision_assets.commands.replay.season import Past, PlayedSeason, play
from parivision_assets.commands.truth import league_truth
from parivision_assets.core import history, in_game
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.game_features import ShotTotals, replay
from parivision_assets.core.game_state import GameState, day_number, turn_to
from parivision_assets.core.games import clean_games
from parivision_assets.core.interval import game_intervals, shot_intervals, strength_edge_sd
from parivision_assets.core.league import League, LeagueConfig, generate
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.targets import Target
from parivision_assets.core.training import TrainedModel, fit
from parivision_assets.sources.archives import Dataset
from parivision_assets.sources.day_by_day import LeagueDays

BUDGET = 0.25
SHOWN_SETS = {
    "shot_pre_release": (
        (), ("in_game",), ("clock", "in_game"), ("teams", "clock", "in_game"),
        ("shooter", "teams", "clock", "in_game"), ("shooter",),
    ),
    "shot_post_event": (
        (), ("in_game",), ("clock", "in_game"), ("teams", "clock", "in_game"),
        ("shooter", "teams", "clock", "in_game"), ("action",), ("shooter", "teams", "clock", "in_game", "action"),
    ),
    "game": ((), ("shots",), ("strength", "schedule", "series", "shots")),
}  # fmt: skip
ATTEMPTS = (0, 50, 200, 600)
Bools = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Season:
    """One target's model, the rows of the season after its training, their truth, and what intervals read of them."""

    target: Target
    model: TrainedModel
    rows: pl.DataFrame
    truth: Vector
    known: Mapping[str, Vector]


@dataclass(frozen=True)
class Coverage:
    """Rows of one kind, how many of their intervals hold the truth, and the intervals' mean width."""

    kind: str
    n: int
    inside: int
    width_sum: float

    def __add__(self, other: Coverage) -> Coverage:
        """Return both together."""
        return Coverage(self.kind, self.n + other.n, self.inside + other.inside, self.width_sum + other.width_sum)

    @property
    def share(self) -> float:
        """Return the share of intervals that hold the truth."""
        return self.inside / self.n


def main() -> None:
    """Measure every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0-3", help="first and last seed (default: %(default)s)")
    parser.add_argument("--teams", type=int, default=30)
    parser.add_argument("--games", type=int, default=40, help="games per team (default: %(default)s)")
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split("-"))
    found: dict[tuple[str, str], Coverage] = {}
    for seed in range(first, last + 1):
        config = LeagueConfig(seed, 2022, 3, teams=asked.teams, games_per_team=asked.games)
        for season in answered(config):
            for item in coverages(season):
                key = (season.target.name, item.kind)
                found[key] = found[key] + item if key in found else item
        print(f"seed {seed} done", flush=True)
    print(f"\n{'target':<18}{'answers':<52}{'n':>9}{'inside':>9}{'width':>8}")
    for (target, kind), item in found.items():
        print(f"{target:<18}{kind:<52}{item.n:>9,}{item.share:>9.1%}{item.width_sum / item.n:>8.3f}")


def answered(config: LeagueConfig) -> Iterator[Season]:
    """Yield each target's season: the league's last one, after training on those before."""
    league = generate(config)
    source, past = LeagueDays(league), Past({}, GameState())
    played: dict[int, PlayedSeason] = {}
    for number in config.season_numbers:
        before = past
        played[number], past = play(source, number, past)
    last = played[config.season_numbers[-1]]
    known = {"shot_features": shots_known(last, past), "game_features": games_known(last, before, past)}
    for target in TARGETS.values():
        name = target.table.name
        earlier = pl.concat([season.features[name] for season in played.values() if season is not last])
        model = fit(target, newest_seasons(target, earlier), replay_config(target, BUDGET, None, 1))
        yield _season(league, target, model, last, known[name])


def _season(league: League, target: Target, model: TrainedModel, last: PlayedSeason, known: pl.DataFrame) -> Season:
    keys = ["game_key"] if target.name == "game" else ["game_id", "shot_number"]
    rows = last.features[target.table.name].join(known, on=keys, how="left", maintain_order="left")
    truth = league_truth(league, target, rows, last.season)
    names = [name for name in known.columns if name not in keys]
    return Season(target, model, rows, truth, {name: rows[name].cast(pl.Float64).to_numpy() for name in names})


def shots_known(last: PlayedSeason, past: Past) -> pl.DataFrame:
    """Return, per shot, the attempts remembered of its shooter and its cell."""
    valid = clean_shots(last.rows[Dataset.SHOTS]).valid
    totals = history.concat_totals([past.totals[n] for n in history.needed_seasons(last.season, past.totals)])
    context = history.join_history(in_game.with_earlier_events(valid), totals, last.season)
    return context.select("game_id", "shot_number", "shooter_attempts_long", "league_cell_attempts_recent")


def games_known(last: PlayedSeason, before: Past, past: Past) -> pl.DataFrame:
    """Return, per game, how uncertain the strength edge was on its morning."""
    games = clean_games(last.rows.get(Dataset.GAMES), last.rows.get(Dataset.ODDS)).valid
    totals = past.totals[last.season]
    shots, state, found = ShotTotals(totals.players, totals.teams), before.teams, []
    for (date,), of_day in games.sort("game_date").group_by("game_date", maintain_order=True):
        morning = state.copy()
        turn_to(morning, last.season, day_number(date))  # type: ignore[arg-type]
        for key, home, away in of_day.select("game_key", "home_team", "away_team").iter_rows():
            found.append({"game_key": key, "edge_sd": strength_edge_sd(morning.margins["season"], home, away)})
        _, state = replay(of_day, shots, state)
    return pl.DataFrame(found)


def coverages(season: Season) -> Iterator[Coverage]:
    """Yield the coverage of a season's answers by what was withheld, and of full answers by shooter and place."""
    everybody = np.ones(season.rows.height, dtype=bool)
    for withheld in SHOWN_SETS[season.target.name]:
        inside, width = judged(season, withheld)
        yield _coverage(f"without {', '.join(withheld)}" if withheld else "given everything", everybody, inside, width)
    if season.target.name != "game":
        inside, width = judged(season, ())
        attempts, low = season.known["shooter_attempts_long"], 0
        yield _coverage("unknown player", attempts == 0, inside, width)
        for high in (*ATTEMPTS[1:], 10**9):
            name = f"player of {low}+ attempts"
            yield _coverage(name, (attempts > low) & (attempts <= high), inside, width)
            low = high
        for place in season.rows["bucket"].unique().sort():
            yield _coverage(f"from {place}", season.rows["bucket"].to_numpy() == place, inside, width)


def judged(season: Season, withheld: tuple[str, ...]) -> tuple[Bools, Vector]:
    """Return per row whether the interval holds the truth, and its width, with some contexts withheld."""
    model = season.model
    calibration = model.calibration
    number = sum(1 << calibration.contexts.index(name) for name in withheld)
    mask = calibration.mask_of(number, season.rows.height)
    matrix = model.encoder.withhold(model.encoder.matrix(season.rows), mask)
    given = model.encoder.withheld(matrix)
    sets = given.astype(np.int64) @ (1 << np.arange(len(calibration.contexts)))
    logit = calibration.apply(model.predictor.logit(matrix), given)
    if season.target.name == "game":
        edge = np.where(number & 1, np.nan, season.known["edge_sd"])
        low, high = game_intervals(logit, sets, edge, calibration)
    else:
        attempts = season.known["shooter_attempts_long"]
        shooter = np.full_like(attempts, np.nan) if "shooter" in withheld else attempts
        low, high = shot_intervals(logit, sets, shooter, season.known["league_cell_attempts_recent"], calibration)
    return (low <= season.truth) & (season.truth <= high), high - low


def _coverage(kind: str, rows: Bools, inside: Bools, width: Vector) -> Coverage:
    return Coverage(kind, int(rows.sum()), int(inside[rows].sum()), float(width[rows].sum()))


if __name__ == "__main__":
    main()
