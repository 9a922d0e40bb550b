"""Fitting one target's model: encode, weigh, withhold contexts, fit, and calibrate on games it has not seen.

Families are in `families`, their files in `model_files`; which features and settings a target has, in `targets`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from parivision_assets.core.calibration import Calibration, sigmoid
from parivision_assets.core.encoding import Encoder, Mask, Matrix
from parivision_assets.core.families import FAMILIES, Machine, Predictor
from parivision_assets.core.offsets import TrackingOffset
from parivision_assets.core.splits import group_folds
from parivision_assets.core.targets import Target

Vector = npt.NDArray[np.float64]
SUBSET_ROWS = 24_000
"""Held-out rows on which every subset of contexts is calibrated."""
CALIBRATION_GAMES = 30
"""A newest season with fewer games is calibrated on together with the one before."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done, 0 to 1."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; the same config and frame give the same model."""

    family: str
    params: Mapping[str, Any] = field(default_factory=dict)
    season_decay: float = 0.8
    """Weight of a season relative to the one after it."""
    withheld_share: float = 0.3
    """Rows copied with some contexts withheld, as a share of all rows."""
    folds: int = 2
    """Folds of the calibration season; below 2, nothing is calibrated."""
    seed: int = 20
    n_jobs: int = 2
    device: str = "cpu"
    tuned_on_seasons: tuple[int, ...] = ()
    """Seasons whose outcomes chose anything here, as training or test seasons of a search."""
    change_date: dt.date | None = None
    """First date after a known change of the relation; None where none is known."""
    change_weight: float = 1.0
    """Weight of a row dated on or after the change, relative to one before it.

    1 measured best: features that follow the league lag behind it for weeks, and a model that trusts those first days
    overshoots later (6-30 days after a rule change in the synthetic league, weights 1, 2, 4; seeds from 1000).
    """

    def __post_init__(self) -> None:
        """Refuse an unknown family, naming the known ones, and a weight that is not positive."""
        if self.family not in FAMILIES:
            raise ValueError(f"unknown family {self.family}: one of {', '.join(FAMILIES)}")
        if not self.change_weight > 0:
            raise ValueError(f"change_weight is {self.change_weight}: it must be above 0")

    def to_dict(self) -> dict[str, Any]:
        """Return the config as JSON-ready values."""
        return asdict(self) | {
            "params": dict(self.params),
            "tuned_on_seasons": list(self.tuned_on_seasons),
            "change_date": None if self.change_date is None else self.change_date.isoformat(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrainingConfig:
        """Return what `to_dict` described; a config written before changes were known has none."""
        change = content.get("change_date")
        return cls(
            **{
                **content,
                "tuned_on_seasons": tuple(content["tuned_on_seasons"]),
                "change_date": None if change is None else dt.date.fromisoformat(change),
            }
        )

    def lighter(self, share: float) -> TrainingConfig:
        """Return a cheaper config: `share` of the boosting rounds or trees, at a larger step.

        The step grows with the root of what is saved: at the full step a quarter of the rounds overfits 100,000 rows
        by 0.001 nats, and on 600,000 real shots there is no difference.
        """
        params = dict(self.params)
        for name in ("rounds", "n_estimators"):
            if name in params:
                params[name] = max(1, round(params[name] * share))
        if "eta" in params:
            params["eta"] = min(0.3, params["eta"] / share**0.5)
        return replace(self, params=params)


@dataclass(frozen=True)
class TrainedModel:
    """A calibrated model of one target; `predict` accepts any subset of its contexts."""

    target: str
    config: TrainingConfig
    encoder: Encoder
    predictor: Predictor
    calibration: Calibration
    offset: TrackingOffset
    train_seasons: tuple[int, ...]
    train_rows: int

    def predict(self, frame: pl.DataFrame) -> Vector:
        """Return the probability of the positive label per row of a feature table.

        Absent columns and nulls are missing inputs; a context is withheld where all its values are missing.
        """
        return sigmoid(self.logit(frame))

    def logit(self, frame: pl.DataFrame) -> Vector:
        """Return the calibrated log-odds per row."""
        matrix = self.encoder.matrix(frame)
        calibrated = self.calibration.apply(self.predictor.logit(matrix), self.encoder.withheld(matrix))
        return calibrated + self.offset.logit(frame)

    def to_files(self) -> dict[str, bytes]:
        """Return the model's files by name, see `model_files.to_files`."""
        from parivision_assets.core.model_files import to_files

        return to_files(self)

    def importances(self) -> dict[str, float]:
        """Return each feature's share of the model's attention, largest first."""
        pairs = zip(self.encoder.names, map(float, self.predictor.importances()), strict=True)
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True)
class _OutOfFold:
    whole: Vector
    """Per row, the log-odds given everything; NaN for rows that were never held out."""
    rows: npt.NDArray[np.int64]
    """Held-out rows that were also predicted from subsets of contexts."""
    subsets: Vector
    """Sets of withheld contexts, from number 1 of Calibration on, by those rows."""


@dataclass(frozen=True)
class _Data:
    matrix: Matrix
    label: Vector
    weight: Vector
    withheld: Mask
    """Per row, the contexts withheld in its copy."""
    starts: tuple[int, ...]
    """Columns that boosting starts from."""


def fit(target: Target, frame: pl.DataFrame, config: TrainingConfig, progress: Progress | None = None) -> TrainedModel:
    """Fit one target's model on a feature table of the training seasons.

    The model sees every row; its calibration is fitted on predictions for the newest season's games by models that
    had not seen those games (with the season before where the newest has only just begun). Raise ValueError when the
    frame is empty or holds one outcome only.
    """
    report = progress or (lambda _step, _share: None)
    _require_usable(target, frame)
    encoder = Encoder.fit(target.features, frame, target.label, target.always)
    data = _prepared(target, encoder, frame, config)
    folds = _folds(target, frame, config)
    out_of_fold = _out_of_fold(data, folds, encoder, config, report)
    predictor = _fit_rows(data, encoder, config, np.ones(len(frame), bool), partial(report, "fitting the model"))
    calibration, offset = _corrections(target, frame, data, encoder, folds, out_of_fold)
    calibration = _with_spreads(calibration, data, out_of_fold, predictor)
    seasons = tuple(int(season) for season in frame["season"].unique().sort())
    return TrainedModel(target.name, config, encoder, predictor, calibration, offset, seasons, len(frame))


def _require_usable(target: Target, frame: pl.DataFrame) -> None:
    if frame.is_empty():
        raise ValueError(f"{target.name}: no training rows; give the features of at least one season")
    if frame[target.label].null_count() or frame[target.label].n_unique() < 2:
        raise ValueError(f"{target.name}: column {target.label} must hold both outcomes and no null")


def _prepared(target: Target, encoder: Encoder, frame: pl.DataFrame, config: TrainingConfig) -> _Data:
    matrix = encoder.matrix(frame)
    label = frame[target.label].cast(pl.Float64).to_numpy()
    season = frame["season"].to_numpy().astype(np.float64)
    weight = config.season_decay ** (season.max() - season)
    if config.change_date is not None:
        weight = weight * np.where((frame["game_date"] >= config.change_date).to_numpy(), config.change_weight, 1.0)
    starts = tuple(encoder.names.index(name) for name in target.starts)
    return _Data(matrix, label, weight, _random_masks(len(frame), encoder, config.seed), starts)


def _random_masks(rows: int, encoder: Encoder, seed: int) -> Mask:
    """Return masks that withhold at least one context: half of them uniformly, half nested from the last on."""
    count = len(encoder.optional_contexts)
    rng = np.random.default_rng(seed)
    free = rng.random((rows, count)) < 0.5
    kept = rng.integers(0, count, size=rows) if count else np.zeros(rows, dtype=np.int64)
    nested = np.arange(count)[None, :] >= kept[:, None]
    mask = np.where(rng.random(rows)[:, None] < 0.5, free, nested)
    mask[~mask.any(axis=1)] = True
    return np.asarray(mask, dtype=bool)


def _fit_rows(
    data: _Data, encoder: Encoder, config: TrainingConfig, rows: Mask, progress: Callable[[float], None]
) -> Predictor:
    """Fit on the chosen rows and on a share of them with contexts withheld."""
    chosen = np.flatnonzero(rows)
    copies = chosen[:0]
    if encoder.optional_contexts and config.withheld_share > 0:
        size = int(len(chosen) * config.withheld_share)
        copies = np.sort(np.random.default_rng(config.seed).choice(chosen, size=size, replace=False))
    masked = encoder.withhold(data.matrix[copies], data.withheld[copies])
    both = np.concatenate([chosen, copies])
    params = dict(config.params)
    if config.family == "xgboost":
        params["starts"] = data.starts
    machine = Machine(config.seed, config.n_jobs, config.device)
    return FAMILIES[config.family](
        np.concatenate([data.matrix[chosen], masked]), data.label[both], data.weight[both],
        params, machine, progress,
    )  # fmt: skip


def _folds(target: Target, frame: pl.DataFrame, config: TrainingConfig) -> npt.NDArray[np.int64]:
    """Return fold numbers for the games held out in turn, -1 for rows that always train.

    Held out: what is calibrated on, and the newest season with tracking when the target has an offset.
    """
    folds = np.full(len(frame), -1, dtype=np.int64)
    if config.folds < 2:
        return folds
    held = _calibrated_on(target, frame)
    tracked = _tracked_season(target, frame)
    if tracked is not None:
        held = held | (frame["season"] == tracked).to_numpy()
    rows = np.flatnonzero(held)
    folds[rows] = group_folds(frame[target.group].to_numpy()[rows], config.folds, config.seed)
    return folds


def _calibrated_on(target: Target, frame: pl.DataFrame) -> Mask:
    """Return the rows of the newest season, and of the one before while the newest has only just begun."""
    seasons = frame["season"].unique().sort()
    newest = frame["season"] == seasons[-1]
    if len(seasons) > 1 and frame.filter(newest)[target.group].n_unique() < CALIBRATION_GAMES:
        newest = frame["season"] >= seasons[-2]
    return np.asarray(newest.to_numpy(), dtype=bool)


def _tracked_season(target: Target, frame: pl.DataFrame) -> int | None:
    if not target.has_tracking_offset or "defender_distance_ft" not in frame.columns:
        return None
    season = frame.filter(pl.col("defender_distance_ft").is_not_null())["season"].max()
    return None if season is None else int(str(season))


def _out_of_fold(
    data: _Data, folds: npt.NDArray[np.int64], encoder: Encoder, config: TrainingConfig, report: Progress
) -> _OutOfFold:
    """Predict each fold by a model of all other rows; for some rows, given every subset of contexts."""
    plain = Calibration.identity(encoder.optional_contexts)
    whole = np.full(len(folds), np.nan)
    chosen, subsets = [], []
    for fold in range(int(folds.max(initial=-1)) + 1):
        step = f"fold {fold + 1} of {config.folds}"
        held = np.flatnonzero(folds == fold)
        predictor = _fit_rows(data, encoder, config, folds != fold, partial(report, step))
        whole[held] = predictor.logit(data.matrix[held])
        some = held[:: max(1, len(held) * config.folds // SUBSET_ROWS)]
        masks = [plain.mask_of(number, len(some)) for number in range(1, len(plain.slopes))]
        masked = [predictor.logit(encoder.withhold(data.matrix[some], mask)) for mask in masks]
        chosen.append(some)
        subsets.append(np.array(masked).reshape(len(masks), len(some)))
    if not chosen:
        return _OutOfFold(whole, np.empty(0, dtype=np.int64), np.empty((0, 0)))
    return _OutOfFold(whole, np.concatenate(chosen), np.concatenate(subsets, axis=1))


def _corrections(
    target: Target, frame: pl.DataFrame, data: _Data, encoder: Encoder, folds: npt.NDArray[np.int64],
    out_of_fold: _OutOfFold,
) -> tuple[Calibration, TrackingOffset]:  # fmt: skip
    """Fit what comes after the model, on the games that were held out."""
    calibration = Calibration.identity(encoder.optional_contexts)
    calibrated_on = _calibrated_on(target, frame)
    rows = np.flatnonzero((folds >= 0) & calibrated_on)
    if len(rows) == 0:
        return calibration, TrackingOffset.none()
    whole = out_of_fold.whole
    calibration = Calibration.fit(whole[rows], data.label[rows], calibration.contexts)
    newest = calibrated_on[out_of_fold.rows]
    some = out_of_fold.rows[newest]
    chance = sigmoid(calibration.apply(whole[some], calibration.mask_of(0, len(some))))
    for number, logit in enumerate(out_of_fold.subsets[:, newest], start=1):
        calibration = calibration.with_set(number, logit, chance)
    tracked = _tracked_season(target, frame)
    if tracked is None:
        return calibration, TrackingOffset.none()
    rows = np.flatnonzero((folds >= 0) & (frame["season"] == tracked).to_numpy())
    logit = calibration.apply(whole[rows], encoder.withheld(data.matrix[rows]))
    return calibration, TrackingOffset.fit(frame[rows], logit, data.label[rows], (tracked,))


def _with_spreads(calibration: Calibration, data: _Data, out_of_fold: _OutOfFold, predictor: Predictor) -> Calibration:
    """Measure how far answers lie from better ones, on held-out rows: how much a model changes that has seen these
    games too, and what the withheld contexts would have changed.
    """
    rows = out_of_fold.rows
    if len(rows) == 0:
        return calibration
    plain = calibration.mask_of(0, len(rows))
    whole = calibration.apply(out_of_fold.whole[rows], plain)
    calibration = calibration.with_spread(0, whole, calibration.apply(predictor.logit(data.matrix[rows]), plain))
    for number, logit in enumerate(out_of_fold.subsets, start=1):
        less = calibration.apply(logit, calibration.mask_of(number, len(rows)))
        calibration = calibration.with_spread(number, less, whole)
    return calibration
