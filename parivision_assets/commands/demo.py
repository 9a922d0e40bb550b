"""`parivision demo`: a synthetic league from raw files to promoted models, and how far they are from the optimum."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.commands.console import OUT, print_json, print_table
from parivision_assets.commands.materialise import print_results, raise_for_failures, run_selection
from parivision_assets.commands.replay.command import Lived, Question, replay
from parivision_assets.commands.replay.results import print_results as print_lived
from parivision_assets.commands.truth import join_truth
from parivision_assets.core.catalogue import TARGETS
from parivision_assets.core.evaluation import Metrics, regret, score
from parivision_assets.core.league import LeagueConfig, Scenario, ScenarioKind, generate
from parivision_assets.core.targets import SHOT_POST_EVENT, Target
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.errors import CommandError
from parivision_assets.settings import LeagueSettings, Settings
from parivision_assets.sources.day_by_day import LeagueDays
from parivision_assets.sources.synthetic import LeaguePaths
from parivision_assets.stores.bundled_models import bundle_model
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock


@dataclass(frozen=True)
class Scored:
    """One champion against the league's known truth, on the season that it never saw."""

    target: str
    season: int
    verdict: str
    champion: Metrics
    baseline: str
    baseline_log_loss: float
    optimum_log_loss: float
    regret_nats: float


def run_demo(*, small: bool, as_json: bool) -> None:
    """Run everything and print each champion's log loss beside the optimum's and the baselines'."""
    settings = demo_settings(small=small)
    home = Home(settings)
    started = time.perf_counter()
    with home_lock(home.root, "parivision demo"):
        if not as_json:
            OUT.print("[bold]A synthetic league: invented players, known true probabilities.[/]")
        results = run_selection(settings, "*", settings.season_keys)
        if not as_json:
            print_results(results)
        raise_for_failures(results)
        promoted = [target for target in TARGETS.values() if home.ledger.champion(target.name) is not None]
        scored = [score_champion(home, target) for target in promoted]
        refused = [home.ledger.records(name)[-1].reason for name in TARGETS if name not in {t.name for t in promoted}]
    if not as_json:
        if scored:
            print_scored(scored)
        for reason in refused:
            OUT.print(reason, highlight=False)
        OUT.print("\n[bold]Now a season in which the rules change half-way, lived day by day.[/]")
    lived = live_rule_change(home.root / "rule_change")
    seconds = time.perf_counter() - started
    if as_json:
        champions = [asdict(item) for item in scored]
        print_json({"seconds": seconds, "champions": champions, "refused": refused, "rule_change": lived.summary})
        return
    print_lived(lived.losses, lived.events, lived.seconds)
    OUT.print(f"Picture: {lived.picture}", highlight=False)
    OUT.print("`parivision replay` does the same through Dagster, with drift reports to read.", highlight=False)
    OUT.print(
        f"Done in {seconds:.0f} s. `make up` starts everything on this machine, the API and the Dagster UI with these "
        "runs, checks and pictures among it.",
        highlight=False,
    )


def demo_settings(*, small: bool) -> Settings:
    """Return the settings of the demo: the league, whatever archives the environment names."""
    settings = Settings(shots_url=None, games_url=None, odds_url=None, tracking_url=None, forecasts_url=None)
    return settings.model_copy(update={"league": LeagueSettings(size="small")}) if small else settings


def live_rule_change(folder: Path) -> Lived:
    """Live a season of a smaller league whose rules change on its 22nd game day, by the quick engine of the replay."""
    change = Scenario(ScenarioKind.RULE_CHANGE, dt.date(2022, 11, 8))
    league = LeagueConfig(1, 2022, 2, teams=30, games_per_team=40, scenario=change)
    question = Question((2023,), (2022,), (SHOT_POST_EVENT.name,), budget=0.25, until=dt.date(2023, 1, 7))
    return replay(LeagueDays(generate(league)), question, folder, is_quick=True)


def score_champion(home: Home, target: Target) -> Scored:
    """Return a champion's figures on the newest season, against the truth that features never see."""
    champion = home.ledger.champion(target.name)
    if champion is None:
        raise CommandError(f"{target.name} has no champion; `parivision ledger list` says why")
    model = bundle_model(home.bundles.read_bundle(champion.model))
    season = max(int(key) for key in home.tables.partitions(target.table.name))
    rows = home.tables.read(target.table.name, str(season))
    truth = truth_beside(home, target, rows, season)
    label, group = rows[target.label].to_numpy(), rows[target.group].to_numpy()
    probability = model.predict(rows)
    baseline = target.baselines[-1]
    training = home.tables.read(target.table.name, [str(s) for s in model.train_seasons])
    baseline_chance = baseline_probability(target, baseline, training, rows)
    return Scored(
        target=target.name,
        season=season,
        verdict=home.ledger.records(target.name)[-1].content()["verdict"],
        champion=score(label, probability, group),
        baseline=baseline.name,
        baseline_log_loss=score(label, baseline_chance, group).log_loss,
        optimum_log_loss=score(label, truth, group).log_loss,
        regret_nats=regret(truth, probability),
    )


def truth_beside(home: Home, target: Target, rows: pl.DataFrame, season: int) -> npt.NDArray[np.float64]:
    """Return the true probability, given the published columns, of each feature row."""
    folder = LeaguePaths(Path(home.root) / "league").truth
    file = "games.parquet" if target.name == "game" else f"shots_{season}.parquet"
    return join_truth(pl.read_parquet(folder / file), target, rows)


def print_scored(scored: list[Scored]) -> None:
    """Print the champions beside the optimum and the baselines."""
    columns = ("champion", "log loss", "optimum", "regret", "baseline", "accuracy", "ECE", "if perfect")
    rows = [
        (
            item.target.replace("_", " "),
            item.champion.log_loss,
            item.optimum_log_loss,
            item.regret_nats,
            item.baseline_log_loss,
            item.champion.accuracy,
            item.champion.ece,
            item.champion.ece_null_95,
        )
        for item in scored
    ]
    print_table(f"Promoted, and judged on season {scored[0].season}, which no model had seen", columns, rows)
    OUT.print(
        "Log loss, optimum and regret in nats per shot or game. The optimum is the league's true probability;\n"
        "the baseline is the zone mean for shots and the home rate for games. 'If perfect' is the calibration\n"
        "error (ECE) that a perfectly calibrated model stays below in 95 % of cases.",
        highlight=False,
    )
