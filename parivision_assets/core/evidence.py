"""What the promotion gate judges: two models' predictions on the same games, which neither has seen.

From rows to per-game figures and back from JSON; how they are weighed belongs in `core.promotion`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Self

import numpy as np
import polars as pl

from parivision_assets.core.evaluation import Floats, Metrics, row_log_loss, score

CLIP = 0.01
"""Gains are computed from probabilities within [0.01, 0.99], so that one row never decides (section 6)."""
ROW_COLUMNS = ("game", "game_date", "label", "challenger", "champion")
_DECIMALS = 12
_PROBABILITY_DECIMALS = 9
"""A batch of another size may give another last bit; evidence must not depend on it."""


class SeenGamesError(ValueError):
    """A game offered as evidence was among those that one of the two models has seen."""


@dataclass(frozen=True)
class Contest:
    """Who meets whom: versions of challenger and champion, and the comparison's number in its season.

    `number` counts, from 1, the pairs (challenger, champion) that met for this target in this season, as the
    ledger does; a pair that is looked at again keeps its number. The champion may be a baseline.
    """

    target: str
    season: int
    challenger: str
    champion: str
    champion_is_baseline: bool
    number: int


@dataclass(frozen=True)
class SeenGames:
    """The games that a model was trained, calibrated, tuned or chosen on: how many, and a digest of their ids."""

    games: int
    digest: str

    @classmethod
    def of(cls, games: Iterable[object]) -> Self:
        """Return the record of a set of game ids; the order does not matter."""
        ids = sorted({str(game) for game in games})
        return cls(len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest())


@dataclass(frozen=True)
class GamePair:
    """One game: rows, the champion's mean clipped log loss minus the challenger's, and the worst it could be.

    `gain_nats` is positive where the challenger did better; it is never below -`worst_nats`, which follows
    from the two models' predictions alone, whatever the outcomes.
    """

    game: str
    date: date
    rows: int
    gain_nats: float
    worst_nats: float


@dataclass(frozen=True)
class SliceLoss:
    """A slice's rows and games, and how much more the challenger loses there per row (nats, clustered SE)."""

    name: str
    rows: int
    games: int
    increase_nats: float
    increase_se: float | None


@dataclass(frozen=True)
class Evidence:
    """Everything `decide` looks at; games are in the order of their dates, then ids."""

    contest: Contest
    games: tuple[GamePair, ...]
    slices: tuple[SliceLoss, ...]
    challenger_metrics: Metrics | None
    champion_metrics: Metrics | None
    challenger_seen: SeenGames
    champion_seen: SeenGames

    @property
    def rows(self) -> int:
        """Return the number of rows in all games."""
        return sum(pair.rows for pair in self.games)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence ready for JSON, games as columns."""
        values = asdict(self)
        values["games"] = {
            "game": [pair.game for pair in self.games],
            "date": [pair.date.isoformat() for pair in self.games],
            "rows": [pair.rows for pair in self.games],
            "gain_nats": [pair.gain_nats for pair in self.games],
            "worst_nats": [pair.worst_nats for pair in self.games],
        }
        values["slices"] = [asdict(part) for part in self.slices]
        return values

    def digest(self) -> str:
        """Return sha256 over the canonical JSON of `to_dict`: short records cite the whole evidence by it."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the evidence from `to_dict`'s output; raise KeyError, TypeError or ValueError otherwise."""
        table = values["games"]
        columns = (table[name] for name in ("game", "date", "rows", "gain_nats", "worst_nats"))
        games = tuple(
            GamePair(game, date.fromisoformat(day), rows, gain, worst)
            for game, day, rows, gain, worst in zip(*columns, strict=True)
        )
        return cls(
            contest=Contest(**values["contest"]),
            games=games,
            slices=tuple(SliceLoss(**part) for part in values["slices"]),
            challenger_metrics=_metrics(values["challenger_metrics"]),
            champion_metrics=_metrics(values["champion_metrics"]),
            challenger_seen=SeenGames(**values["challenger_seen"]),
            champion_seen=SeenGames(**values["champion_seen"]),
        )


def collect_evidence(
    rows: pl.DataFrame,
    contest: Contest,
    challenger_seen: Collection[object],
    champion_seen: Collection[object],
    slices: Sequence[str] = (),
) -> Evidence:
    """Return the evidence that labelled rows hold.

    `rows`: `game` (id), `game_date`, `label` (0/1), `challenger` and `champion` (probabilities) and one
    boolean column per name in `slices`. The order of rows does not matter. `…_seen`: ids of all games on which
    the model was trained, calibrated, tuned or chosen among its family; a baseline has seen what it was
    computed from. Raises SeenGamesError for overlap, ValueError for missing columns, a game on two dates or
    values that cannot be scored.
    """
    missing = [name for name in (*ROW_COLUMNS, *slices) if name not in rows.columns]
    if missing:
        raise ValueError(f"evidence rows lack column(s) {', '.join(missing)}; they need {', '.join(ROW_COLUMNS)}")
    models = [pl.col(name).cast(pl.Float64).round(_PROBABILITY_DECIMALS) for name in ("challenger", "champion")]
    ordered = rows.with_columns(pl.col("game").cast(pl.String), *models)
    ordered = ordered.sort(["game_date", "game", "label", "challenger", "champion", *slices])
    played = ordered["game"].unique(maintain_order=True).to_list()
    _refuse_seen(played, challenger_seen, f"challenger {contest.challenger}")
    _refuse_seen(played, champion_seen, f"champion {contest.champion}")
    judged = None if ordered.is_empty() else _both_metrics(ordered)
    if judged is not None:
        ordered = ordered.with_columns(_gains(ordered))
    return Evidence(
        contest=contest,
        games=() if judged is None else _game_pairs(ordered),
        slices=tuple(_slice_loss(ordered, name, empty=judged is None) for name in sorted(slices)),
        challenger_metrics=None if judged is None else judged[0],
        champion_metrics=None if judged is None else judged[1],
        challenger_seen=SeenGames.of(challenger_seen),
        champion_seen=SeenGames.of(champion_seen),
    )


def _metrics(values: dict[str, Any] | None) -> Metrics | None:
    return None if values is None else Metrics.from_dict(values)


def _refuse_seen(played: list[str], seen: Collection[object], who: str) -> None:
    ids = {str(game) for game in seen}
    overlap = [game for game in played if game in ids]
    if overlap:
        raise SeenGamesError(
            f"{len(overlap)} of {len(played)} games offered as evidence were seen by the {who} "
            f"(first: {overlap[0]}); judge on games that neither model was trained, tuned or chosen on"
        )


def _both_metrics(rows: pl.DataFrame) -> tuple[Metrics, Metrics]:
    label, game = _floats(rows, "label"), rows["game"].to_numpy()
    return score(label, _floats(rows, "challenger"), game), score(label, _floats(rows, "champion"), game)


def _floats(rows: pl.DataFrame, name: str) -> Floats:
    return rows[name].cast(pl.Float64).to_numpy()


def _gains(rows: pl.DataFrame) -> list[pl.Series]:
    """Return per row the gain of the challenger and the most it could have lost, in clipped nats."""
    label = _floats(rows, "label")
    challenger, champion = _floats(rows, "challenger"), _floats(rows, "champion")
    gain = row_log_loss(label, champion, CLIP) - row_log_loss(label, challenger, CLIP)
    other = row_log_loss(1 - label, champion, CLIP) - row_log_loss(1 - label, challenger, CLIP)
    return [pl.Series("_gain", gain), pl.Series("_worst", -np.minimum(np.minimum(gain, other), 0.0))]


def _game_pairs(rows: pl.DataFrame) -> tuple[GamePair, ...]:
    games = rows.group_by("game", maintain_order=True).agg(
        pl.col("game_date").first(),
        pl.col("game_date").n_unique().alias("dates"),
        pl.len().alias("rows"),
        pl.col("_gain").mean(),
        pl.col("_worst").mean(),
    )
    torn = games.filter(pl.col("dates") > 1)
    if not torn.is_empty():
        raise ValueError(f"game {torn['game'][0]} has {torn['dates'][0]} dates; a game is played on one")
    columns = (games[name].to_list() for name in ("game", "game_date", "rows", "_gain", "_worst"))
    return tuple(
        GamePair(game, day, count, round(gain, _DECIMALS), round(worst, _DECIMALS))
        for game, day, count, gain, worst in zip(*columns, strict=True)
    )


def _slice_loss(rows: pl.DataFrame, name: str, *, empty: bool) -> SliceLoss:
    part = rows.head(0) if empty else rows.filter(pl.col(name).fill_null(value=False))
    if part.is_empty():
        return SliceLoss(name, 0, 0, 0.0, None)
    increase = -float(part["_gain"].mean())  # type: ignore[arg-type]  # a Float64 column's mean is a float
    sums = part.group_by("game", maintain_order=True).agg((-pl.col("_gain") - increase).sum())["_gain"]
    games = len(sums)
    se = None if games < 2 else math.sqrt(games / (games - 1) * float((sums**2).sum())) / len(part)
    return SliceLoss(name, len(part), games, round(increase, _DECIMALS), se)
