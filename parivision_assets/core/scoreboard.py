"""Champion, challenger in shadow and every benchmark on exactly the same events, losses included.

What each benchmark says of an event, and the board. Which predictions count is `core.outcomes`; the walk-forward
yardstick without a platform is `walk_forward` and `walk_forward_games`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from parivision_assets.core.evaluation import Floats, clustered_mean, row_log_loss, score
from parivision_assets.core.game_target import GAME
from parivision_assets.core.monitoring_tables import CHALLENGER, CHAMPION, ROLES, SCOREBOARD
from parivision_assets.core.outcomes import event_key, scored
from parivision_assets.core.targets import Target
from parivision_assets.core.walk_forward import baseline_probability
from parivision_assets.core.walk_forward_games import with_benchmarks

LEVEL_SE = 2.0
"""Two contestants are level when their paired difference is within this many standard errors."""
HOME_RATE = "home_rate"
_FIGURES = ("log_loss", "log_loss_se", "brier", "brier_se", "accuracy", "accuracy_se", "ece", "ece_null_95")


def benchmarks(
    target: Target,
    training: pl.DataFrame,
    season: pl.DataFrame,
    games: pl.DataFrame | None = None,
    forecasts: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return one row per feature row: `event`, and a nullable probability per benchmark.

    Args:
        target: for shots the constant and the zone mean; for games the home rate, Elo, closing line, published.
        training: feature rows of earlier seasons for the rates; without rows there are no rates.
        season: the season's feature rows.
        games: validated games with the closing line (games only).
        forecasts: `forecasts.SCHEMA` (games only), None where nobody publishes.
    """
    found = season.select(event_key(target).alias("event"))
    for baseline in target.baselines if training.height else ():
        name = HOME_RATE if target.name == GAME.name and not baseline.keys else baseline.name
        found = found.with_columns(pl.Series(name, baseline_probability(target, baseline, training, season)))
    if target.name == GAME.name and games is not None:
        found = found.with_columns(with_benchmarks(season, games, forecasts).select("elo", "closing_line", "published"))
    return found


def scoreboard(
    joined: pl.DataFrame, rivals: pl.DataFrame, target: str, season: int, challenger: str | None = None
) -> pl.DataFrame:
    """Return SCOREBOARD of one target and season; no rows where nothing the champion served is scored.

    Args:
        joined: PREDICTION_OUTCOMES of the season.
        rivals: `benchmarks` of the same season.
        target: which target's rows of `joined` count.
        season: the year in which it ends.
        challenger: the bundle in shadow, None where there is none.

    A benchmark without any probability is not on the board; one that has some but not all limits everybody to
    the events it has.
    """
    # What somebody asked may lack what the event had: nobody is judged by it beside the others.
    rows = scored(joined.filter((pl.col("target") == target) & pl.col("role").is_in(ROLES)))
    # Should two champions have served an event, the one that knew least counts.
    served = rows.filter(pl.col("role") == CHAMPION).sort("as_of", "model").unique("event", keep="first")
    events = served.select("event", "game", "outcome", pl.col("probability").alias(CHAMPION))
    events = events.join(rivals, on="event", how="left").sort("event")
    boards = [_board(events, "whole")]
    if challenger is not None:
        shadow = rows.filter(pl.col("model") == challenger).select("event", pl.col("probability").alias(CHALLENGER))
        boards.append(_board(events.join(shadow.unique("event"), on="event", how="left"), "shadow"))
    found = [{"target": target, "season": season, **row} for board in boards for row in board]
    return SCOREBOARD.conform(pl.DataFrame(found, schema=SCOREBOARD.schema, orient="row"))


def _board(events: pl.DataFrame, board: str) -> list[dict[str, Any]]:
    names = [name for name in events.columns if name not in ("event", "game", "outcome")]
    present = [name for name in names if events[name].null_count() < events.height]
    if board == "shadow" and CHALLENGER not in present:
        return []
    same = events.drop_nulls(present)
    if same.is_empty():
        return []
    label, game = same["outcome"].cast(pl.Float64).to_numpy(), same["game"].to_numpy()
    losses = {name: row_log_loss(label, same[name].to_numpy()) for name in present}
    behind = {name: clustered_mean(losses[name] - losses[CHAMPION], game) for name in present}
    left_out = events.height - same.height
    reason = _left_out(events, names, present)
    return [
        {
            "board": board,
            "contestant": name,
            **_figures(label, same[name].to_numpy(), game),
            "behind_nats": None if name == CHAMPION else behind[name][0],
            "behind_se": None if name == CHAMPION else behind[name][1],
            "standing": _champion_standing(behind) if name == CHAMPION else _standing(*behind[name]),
            "left_out": left_out,
            "left_out_reason": reason,
        }
        for name in sorted(present, key=lambda name: (float(losses[name].mean()), name))
    ]


def _figures(label: Floats, probability: Floats, game: Any) -> dict[str, Any]:
    metrics = score(label, probability, game)
    return {"n": metrics.n, "games": metrics.games, **{name: getattr(metrics, name) for name in _FIGURES}}


def _left_out(events: pl.DataFrame, names: Sequence[str], present: Sequence[str]) -> str:
    parts = [
        f"{events[name].null_count():,} event(s) without {_called(name)}"
        for name in present
        if events[name].null_count()
    ]
    parts += [f"{_called(name)}: none for any event, not on the board" for name in names if name not in present]
    return "; ".join(parts) or "none is left out"


def _is_level(difference: float, se: float | None) -> bool:
    return se is None or abs(difference) <= LEVEL_SE * se


def _standing(difference: float, se: float | None) -> str:
    if se is None:
        return f"one game: {difference:+.4f} nats against the champion, nothing can be said"
    measured = f"{abs(difference):.4f} ± {se:.4f} nats"
    if _is_level(difference, se):
        return f"level with the champion ({difference:+.4f} ± {se:.4f} nats)"
    return f"{'behind' if difference > 0 else 'ahead of'} the champion by {measured}"


def _champion_standing(behind: dict[str, tuple[float, float | None]]) -> str:
    """Return whom the champion is ahead of, level with and behind, in words."""
    groups: dict[str, list[str]] = {"ahead of": [], "level with": [], "behind": []}
    for name, (difference, se) in behind.items():
        if name != CHAMPION:
            ahead = "ahead of" if difference > 0 else "behind"
            groups["level with" if _is_level(difference, se) else ahead].append(_called(name))
    return "; ".join(f"{words} {', '.join(who)}" for words, who in groups.items() if who) or "alone on the board"


def _called(name: str) -> str:
    return name.replace("_", " ")
