"""Whether a challenger replaces the champion: one pure decision, in words a person can check.

Rules are those of section 6 of the design. Collecting evidence from predictions belongs in `core.evidence`, its
statistics in `core.eprocess`, recording the decision in `stores.ledger`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any, Self

import numpy as np

from parivision_assets.core import eprocess
from parivision_assets.core.evidence import Evidence, SliceLoss


class Verdict(StrEnum):
    """What becomes of the challenger."""

    PROMOTE = "promote"
    KEEP = "keep"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True)
class GateConfig:
    """The gate's declared limits.

    alpha: chance, over a season and all its comparisons and looks, of promoting one that is no better.
    worthwhile_nats: mean gain per row worth finding; power and games still needed refer to it.
    target_power: with this power reached and nothing shown, the champion is kept.
    min_games: no verdict before. min_slice_rows: smaller slices are reported, not judged.
    calibration_tolerance: added to the larger of the champion's calibration error and what perfect calibration
    shows. slice_tolerance_nats: how much more the challenger may lose per row in a slice.
    """

    alpha: float = 0.05
    worthwhile_nats: float = 0.002
    target_power: float = 0.9
    min_games: int = 30
    min_slice_rows: int = 2_000
    calibration_tolerance: float = 0.002
    slice_tolerance_nats: float = 0.005

    def __post_init__(self) -> None:
        """Raise ValueError for limits that make no sense."""
        if not (0 < self.alpha < 1 and 0.5 <= self.target_power < 1):
            raise ValueError("alpha must lie within 0 … 1 and target_power within 0.5 … 1")
        tolerances = (self.calibration_tolerance, self.slice_tolerance_nats)
        if self.worthwhile_nats <= 0 or self.min_games < 2 or self.min_slice_rows < 1 or min(tolerances) < 0:
            raise ValueError("the gate needs a positive worthwhile gain, 2 games or more and tolerances from 0")

    @classmethod
    def for_target(cls, target: str) -> Self:
        """Return the limits for a target: one game is one row, so only larger gains can be found in games."""
        return cls(worthwhile_nats=0.01) if target == "game" else cls()


@dataclass(frozen=True)
class Guard:
    """One condition besides the evidence: passed, failed, or (None) reported and not judged."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class PromotionDecision:
    """The verdict, its reason as a sentence, and everything it rests on: `decide` gives the same again.

    `log_e_value` against `log_e_needed` (both natural logarithms) is the evidence; `power` is the chance that
    this many games would have shown a gain of `config.worthwhile_nats`; `games_needed` is how many more are
    estimated until it is `config.target_power`; None for the other verdicts and where gains vary too much to tell.
    """

    verdict: Verdict
    reason: str
    evidence: Evidence
    config: GateConfig
    level: float
    log_e_value: float
    log_e_needed: float
    mean_gain_nats: float
    mean_gain_se: float | None
    power: float
    games_needed: int | None
    guards: tuple[Guard, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the decision ready for JSON, with who won and lost at the top for readers of the ledger."""
        contest = self.evidence.contest
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {
            "verdict": self.verdict.value,
            "target": contest.target,
            "season": contest.season,
            "challenger": contest.challenger,
            "champion": contest.champion,
            "number": contest.number,
            "evidence": self.evidence.to_dict(),
            "config": asdict(self.config),
            "guards": [asdict(guard) for guard in self.guards],
        }

    def summary(self) -> dict[str, Any]:
        """Return `to_dict` without the games, some 2 kB for the ledger, citing the evidence by its digest."""
        values = self.to_dict()
        evidence = values["evidence"]
        pairs = self.evidence.games
        evidence["games"] = {
            "count": len(pairs),
            "rows": self.evidence.rows,
            "first_date": pairs[0].date.isoformat() if pairs else None,
            "last_date": pairs[-1].date.isoformat() if pairs else None,
        }
        return values | {"evidence_digest": self.evidence.digest()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the decision from `to_dict`'s output; raise KeyError, TypeError or ValueError otherwise."""
        own = {name: values[name] for name in cls.__dataclass_fields__}
        return cls(
            **own
            | {
                "verdict": Verdict(values["verdict"]),
                "evidence": Evidence.from_dict(values["evidence"]),
                "config": GateConfig(**values["config"]),
                "guards": tuple(Guard(**guard) for guard in values["guards"]),
            }
        )


@dataclass(frozen=True)
class _Findings:
    level: float
    log_e_value: float
    mean: float
    se: float | None
    power: float
    games_for_power: int | None


def decide(evidence: Evidence, config: GateConfig | None = None) -> PromotionDecision:
    """Return whether the challenger replaces the champion, with the reason in words.

    `config` defaults to the target's. Promotion needs an e-value of at least 1 / level at this look, higher
    accuracy on the same games, and calibration and slices not worse beyond tolerance. Raises ValueError for
    evidence that is not in date order, names a game twice, or holds gains its own bounds exclude.
    """
    limits = GateConfig.for_target(evidence.contest.target) if config is None else config
    _check(evidence)
    found = _weigh(evidence, limits)
    needed = -math.log(found.level)
    guards = _guards(evidence, limits)
    verdict = _verdict(evidence, limits, found, guards)
    return PromotionDecision(
        verdict=verdict,
        reason=_reason(verdict, evidence, limits, found, guards),
        evidence=evidence,
        config=limits,
        level=found.level,
        log_e_value=found.log_e_value,
        log_e_needed=needed,
        mean_gain_nats=found.mean,
        mean_gain_se=found.se,
        power=found.power,
        games_needed=_games_needed(evidence, limits, found) if verdict is Verdict.NOT_ENOUGH_DATA else None,
        guards=guards,
    )


def _check(evidence: Evidence) -> None:
    for earlier, later in pairwise(evidence.games):
        if (later.date, later.game) <= (earlier.date, earlier.game):
            raise ValueError(
                f"game {later.game} of {later.date} follows game {earlier.game} of {earlier.date}: evidence must "
                "hold each game once, in the order of dates"
            )
    if len({pair.game for pair in evidence.games}) < len(evidence.games):
        raise ValueError("a game appears on two dates; evidence must hold each game once")
    for pair in evidence.games:
        if not (math.isfinite(pair.gain_nats) and pair.gain_nats >= -pair.worst_nats - 1e-9 and pair.rows > 0):
            raise ValueError(
                f"game {pair.game}: a gain of {pair.gain_nats} nats over {pair.rows} rows is impossible with a "
                f"worst case of {pair.worst_nats}; collect the evidence again from the predictions"
            )


def _weigh(evidence: Evidence, config: GateConfig) -> _Findings:
    level = eprocess.season_level(config.alpha, evidence.contest.number)
    games = len(evidence.games)
    if games == 0:
        return _Findings(level, 0.0, 0.0, None, 0.0, None)
    gain = np.array([pair.gain_nats for pair in evidence.games])
    worst = np.array([pair.worst_nats for pair in evidence.games])
    tail = eprocess.tail_scale(worst, np.array([pair.rows for pair in evidence.games]))
    log_e = float(eprocess.log_e_values(gain, tail)[-1])
    if games == 1:
        return _Findings(level, log_e, float(gain[0]), None, 0.0, None)
    sd, effect, largest = float(gain.std(ddof=1)), config.worthwhile_nats, float(tail.max())
    return _Findings(
        level=level,
        log_e_value=log_e,
        mean=float(gain.mean()),
        se=sd / math.sqrt(games),
        power=eprocess.power(games, effect, sd, largest, level),
        games_for_power=eprocess.games_for_power(config.target_power, effect, sd, largest, level),
    )


def _guards(evidence: Evidence, config: GateConfig) -> tuple[Guard, ...]:
    challenger, champion = evidence.challenger_metrics, evidence.champion_metrics
    slices = tuple(_slice_guard(part, config) for part in evidence.slices)
    if challenger is None or champion is None:
        return slices
    accuracy = Guard(
        "accuracy",
        challenger.accuracy > champion.accuracy,
        f"accuracy {challenger.accuracy:.4f} against {champion.accuracy:.4f}",
    )
    limit = max(champion.ece, challenger.ece_null_95) + config.calibration_tolerance
    calibration = Guard(
        "calibration",
        challenger.ece <= limit,
        f"calibration error {challenger.ece:.4f} against {champion.ece:.4f} (allowed {limit:.4f})",
    )
    return (accuracy, calibration, *slices)


def _slice_guard(part: SliceLoss, config: GateConfig) -> Guard:
    judged = part.rows >= config.min_slice_rows
    said = f"{part.increase_nats:+.4f} nats on {part.rows:,} rows of slice {part.name}"
    if not judged:
        return Guard(f"slice {part.name}", None, f"{said}, too few to judge")
    passed = part.increase_nats <= config.slice_tolerance_nats
    return Guard(f"slice {part.name}", passed, f"{said} (allowed {config.slice_tolerance_nats:+.4f})")


def _verdict(evidence: Evidence, config: GateConfig, found: _Findings, guards: tuple[Guard, ...]) -> Verdict:
    if len(evidence.games) < config.min_games:
        return Verdict.NOT_ENOUGH_DATA
    if found.log_e_value >= -math.log(found.level):
        return Verdict.KEEP if any(guard.passed is False for guard in guards) else Verdict.PROMOTE
    if _is_clearly_worse(found) or found.power >= config.target_power:
        return Verdict.KEEP
    return Verdict.NOT_ENOUGH_DATA


def _is_clearly_worse(found: _Findings) -> bool:
    return found.se is not None and found.mean + 3 * found.se < 0


def _games_needed(evidence: Evidence, config: GateConfig, found: _Findings) -> int | None:
    missing = config.min_games - len(evidence.games)
    if found.games_for_power is None:
        return missing if missing > 0 else None
    return max(1, missing, found.games_for_power - len(evidence.games))


def _reason(
    verdict: Verdict, evidence: Evidence, config: GateConfig, found: _Findings, guards: tuple[Guard, ...]
) -> str:
    games = len(evidence.games)
    contest = replace(
        evidence.contest, challenger=_short(evidence.contest.challenger), champion=_short(evidence.contest.champion)
    )
    rival = f"{'baseline' if contest.champion_is_baseline else 'champion'} {contest.champion}"
    seen = f"over {games:,} unseen game(s) and {evidence.rows:,} row(s)"
    gain = f"{abs(found.mean):.4f} nats {'less' if found.mean >= 0 else 'more'} than {rival} {seen}"
    luck = (
        f"a chance of at most {_one_in(found.log_e_value)} if it were no better, "
        f"{_one_in(-math.log(found.level))} required"
    )
    failed = [guard.detail for guard in guards if guard.passed is False]
    if verdict is Verdict.PROMOTE:
        fine = "; ".join(guard.detail for guard in guards)
        return f"{contest.challenger} is promoted: it loses {gain} ({luck}); {fine}."
    if verdict is Verdict.NOT_ENOUGH_DATA:
        return _reason_to_wait(evidence, config, found, gain)
    if failed and found.log_e_value >= -math.log(found.level):
        return f"{rival} stays: {contest.challenger} loses {gain} ({luck}), but {'; '.join(failed)}."
    if _is_clearly_worse(found):
        return f"{rival} stays: {contest.challenger} loses {gain}, more than three standard errors."
    return (
        f"{rival} stays: {contest.challenger} loses {gain}, which is not proven better ({luck}); a gain of "
        f"{config.worthwhile_nats:g} nats would have been shown with a chance of {found.power:.0%}."
    )


def _reason_to_wait(evidence: Evidence, config: GateConfig, found: _Findings, gain: str) -> str:
    more = _games_needed(evidence, config, found)
    who = f"Not enough data on {evidence.contest.challenger}"
    if len(evidence.games) == 0:
        return f"{who}: no game that neither model has seen; at least {more:,} are needed."
    if found.se is None or more is None:
        ask = "its gains vary too much to name a number" if more is None else f"at least {more:,} more are needed"
        return f"{who}: it loses {gain}; {ask}."
    return (
        f"{who}: it loses {gain}; a gain of {config.worthwhile_nats:g} nats would have been shown with a chance "
        f"of {found.power:.0%}, and about {more:,} more game(s) would make it {config.target_power:.0%}."
    )


def _short(model: str) -> str:
    """Return a digest's first twelve characters; other names as they are."""
    return model[:12] if len(model) == 64 else model


def _one_in(log_odds: float) -> str:
    """Return exp(-log_odds) in words, never above certainty."""
    if log_odds <= 0:
        return "1 in 1"
    return f"1 in {math.exp(log_odds):,.0f}" if log_odds < math.log(1e9) else "1 in a billion"
