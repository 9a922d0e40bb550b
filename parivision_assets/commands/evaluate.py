"""`parivision evaluate`: the yardstick on any folder of published files, without Dagster and without a home."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from parivision_assets.commands.console import OUT, print_json, print_table, steps
from parivision_assets.core.catalogue import training_configs
from parivision_assets.core.evaluation import Metrics
from parivision_assets.core.forecasts import clean_forecasts
from parivision_assets.core.game_features import ShotTotals
from parivision_assets.core.games import clean_games, newest_rows
from parivision_assets.core.history import needed_seasons, player_game_totals, team_game_totals
from parivision_assets.core.shots import clean_shots
from parivision_assets.core.splits import walk_forward
from parivision_assets.core.targets import SHOT_POST_EVENT, SHOT_PRE_RELEASE, SHOT_TRAINING_SEASONS
from parivision_assets.core.tracking import attach_tracking, clean_tracking
from parivision_assets.core.walk_forward import Walk, pooled_metrics, season_features, walk_shots
from parivision_assets.core.walk_forward_games import Scores, evaluate_games
from parivision_assets.errors import CommandError
from parivision_assets.settings import parse_seasons
from parivision_assets.sources.archives import (
    Dataset,
    SourceAbsentError,
    find_files,
    find_shots,
    read,
    seasons_available,
)

SHOT_CONTESTANTS = ("post_event", "pre_release", "constant", "zone_mean")
FIGURES = ("log_loss", "log_loss_se", "brier", "accuracy", "roc_auc", "ece", "ece_null_95")


def shots(test_seasons: str, shots_url: str, tracking_url: str | None, *, as_json: bool) -> None:
    """Train both shot targets on the newest seasons before each test season and print every figure."""
    started = time.perf_counter()
    wanted, available = parse_seasons(test_seasons), seasons_available(shots_url)
    missing = sorted(set(wanted) - set(available))
    if missing:
        raise CommandError(f"{shots_url} has no file of season {missing[0]}; it has {_span(available)}")
    training = {season: walk_forward(season, available, SHOT_TRAINING_SEASONS) for season in wanted}
    featured = sorted({*wanted, *(year for years in training.values() for year in years)})
    read_too = {year for season in featured for year in needed_seasons(season, available)}
    configs = {target.name: training_configs(target, ["xgboost"])[0] for target in (SHOT_PRE_RELEASE, SHOT_POST_EVENT)}
    with steps(len(read_too) + len(wanted) + 1) as progress:
        cleaned = {}
        for season in sorted(read_too):
            progress.say(f"reading season {season}")
            cleaned[season] = canonical_shots(shots_url, season, tracking_url)
            progress.done()
        progress.say("features")
        features = season_features(cleaned, featured)
        progress.done()
        walks = []
        for season in wanted:
            walks.append(
                walk_shots(features, season, configs, SHOT_TRAINING_SEASONS, lambda step, _: progress.say(step))
            )
            progress.done()
    _report_shots(walks, time.perf_counter() - started, as_json=as_json)


def canonical_shots(shots_url: str, season: int, tracking_url: str | None) -> pl.DataFrame:
    """Return a season's canonical shots, with tracking where a log covers the season."""
    file = find_shots(shots_url, season)
    if file is None:
        raise SourceAbsentError(f"{shots_url} has no file of season {season}")
    valid = clean_shots(read(file)).valid
    if tracking_url is None:
        return valid
    for log in find_files(tracking_url, Dataset.TRACKING):
        of_season = read(log).filter(pl.col("GAME_ID") // 100_000 % 100 + 2001 == season)
        if of_season.height:
            valid = attach_tracking(valid, clean_tracking(of_season)).shots
    return valid


def games(
    test_seasons: str,
    odds_url: str,
    forecasts_url: str | None,
    games_url: str | None,
    shots_url: str | None,
    *,
    as_json: bool,
) -> None:
    """Walk forward through the test seasons and print every contestant's figures on exactly the same games."""
    started = time.perf_counter()
    wanted = parse_seasons(test_seasons)
    with steps(3) as progress:
        progress.say("reading games")
        played = clean_games(whole(games_url, Dataset.GAMES), whole(odds_url, Dataset.ODDS)).valid
        published = whole(forecasts_url, Dataset.FORECASTS)
        forecasts = None if published is None else clean_forecasts(published).valid
        progress.done()
        totals = shot_totals(shots_url, max(wanted), progress.say)
        progress.done()
        progress.say("walking forward")
        found = evaluate_games(played, wanted, forecasts, totals)
        progress.done()
    seconds = time.perf_counter() - started
    if as_json:
        seasons = {
            str(season): {**scores.to_dict(), "tuned_on": season in found.tuned_test_seasons}
            for season, scores in found.seasons.items()
        }
        print_json(
            {"target": "game", "pooled": found.pooled.to_dict(), "seasons": seasons, "seconds": round(seconds, 1)}
        )
        return
    _print_scores("pooled", found.pooled)
    for season, scores in found.seasons.items():
        _print_scores(str(season), scores)
    _warn_of_tuning(found.tuned_test_seasons)
    OUT.print(f"{found.left_out:,} games without every benchmark are left out for everybody. {seconds:.0f} s")


def whole(url: str | None, dataset: Dataset) -> pl.DataFrame | None:
    """Return all rows of a dataset found at a URL, None without a URL.

    Raises SourceAbsentError when a URL was given and nothing of the kind is there.
    """
    if url is None:
        return None
    files = find_files(url, dataset)
    if not files:
        raise SourceAbsentError(f"{url} holds no {dataset} file; check the address")
    frames = [read(file) for file in files]
    return frames[0] if len(frames) == 1 else newest_rows(frames)


def shot_totals(shots_url: str | None, last: int, say: Any) -> ShotTotals | None:
    """Return per-game totals from the shots of every season up to `last`, None without a URL."""
    if shots_url is None:
        return None
    players, teams = [], []
    for season in seasons_available(shots_url):
        if season <= last:
            say(f"shots of season {season}")
            cleaned = canonical_shots(shots_url, season, None)
            players.append(player_game_totals(cleaned))
            teams.append(team_game_totals(cleaned))
    return ShotTotals(pl.concat(players), pl.concat(teams)) if players else None


def _report_shots(walks: Sequence[Walk], seconds: float, *, as_json: bool) -> None:
    pooled = pooled_metrics(walks)
    if as_json:
        seasons = {
            str(walk.test_season): {
                **_shot_json(walk.metrics()),
                "train_seasons": list(walk.train_seasons),
                "tuned_on": walk.tuned_on,
            }
            for walk in walks
        }
        print_json({"target": "shot", "pooled": _shot_json(pooled), "seasons": seasons, "seconds": round(seconds, 1)})
        return
    for walk in walks:
        trained = ", ".join(map(str, walk.train_seasons))
        _print_figures(f"Season {walk.test_season}, trained on {trained}", walk.metrics())
    if len(walks) > 1:
        _print_figures("Pooled", pooled)
    _warn_of_tuning([walk.test_season for walk in walks if walk.tuned_on])
    OUT.print(f"{seconds:.0f} s")


def _shot_json(figures: Mapping[str, Metrics]) -> dict[str, Any]:
    return {
        "n": figures["pre_release"].n,
        **{name: figures[name].to_dict() for name in SHOT_CONTESTANTS},
    }


def _print_scores(name: str, scores: Scores) -> None:
    trained = _span(scores.train_seasons)
    figures = {who: one for who, one in scores.contestants.items() if one is not None}
    _print_figures(f"Games of {name}, trained on {trained}", figures)


def _print_figures(title: str, figures: Mapping[str, Metrics]) -> None:
    rows = []
    for name, metrics in figures.items():
        values = metrics.to_dict()
        rows.append((name.replace("_", " "), metrics.n, *[values[figure] for figure in FIGURES]))
    headings = ("log loss", "± se", "Brier", "accuracy", "ROC AUC", "ECE", "ECE if perfect, 95 %")
    print_table(title, ("", "n", *headings), rows)


def _warn_of_tuning(seasons: Sequence[int]) -> None:
    if seasons:
        OUT.print(f"[bold yellow]Settings were tuned on {_span(seasons)}: these figures flatter the model.[/]")


def _span(seasons: Sequence[int]) -> str:
    return ", ".join(map(str, seasons)) or "none"
