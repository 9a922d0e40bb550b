"""What a drift report says: three separate answers, what a change in log loss is made of, and whether to retrain.

Has the input moved, has the relation moved, is the data broken: each has its own answer and they are never mixed up.
The daily statistics of the relation are in `core.monitor`, those of the inputs in `core.input_shift`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How much it matters, by effect size and harm, never by p-values."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True)
class ColumnShift:
    """How far one input's distribution moved: PSI less what chance explains, and the limit it is held against."""

    column: str
    psi: float
    limit: float
    moved: bool
    detail: str


@dataclass(frozen=True)
class ColumnHarm:
    """What re-learning one column's relation to the outcome would save, nats per row."""

    column: str
    harm_nats: float


@dataclass(frozen=True)
class InputAnswer:
    """Has the distribution of the inputs moved?"""

    moved: bool
    columns: tuple[ColumnShift, ...]
    reason: str


@dataclass(frozen=True)
class RelationAnswer:
    """Has the relation of the outcome to the inputs moved (concept)?

    `harm_nats` per row is what re-learning would save on recent games (prequential, so not an optimistic figure),
    beyond what it would have saved on the champion's own holdout; `since` is the estimated first day of the change.
    `log_e_value` is anytime-valid evidence (natural logarithm) against "the champion's probabilities still hold".
    """

    moved: bool
    harm_nats: float
    harm_se: float | None
    log_e_value: float
    since: dt.date | None
    columns: tuple[ColumnHarm, ...]
    rows: int
    game_days: int
    reason: str


@dataclass(frozen=True)
class QualityAnswer:
    """Is the data broken or late? `problems` in words; `pending` events were predicted and wait for an outcome."""

    broken: bool
    problems: tuple[str, ...]
    events: int
    pending: int
    reason: str


@dataclass(frozen=True)
class Attribution:
    """A change in log loss against the champion's holdout (nats per row); mix + concept + noise = change."""

    reference_log_loss: float
    current_log_loss: float
    change_nats: float
    change_se: float | None
    mix_nats: float
    concept_nats: float
    noise_nats: float
    columns: tuple[ColumnHarm, ...]


@dataclass(frozen=True)
class DriftSummary:
    """One target's report over one window of game dates. `retrain` is what the retraining sensor acts on."""

    target: str
    champion: str
    first_date: dt.date | None
    last_date: dt.date | None
    severity: Severity
    drifted: tuple[str, ...]
    input: InputAnswer
    relation: RelationAnswer
    quality: QualityAnswer
    attribution: Attribution | None
    retrain: bool
    reason: str

    @property
    def verdict(self) -> str:
        """Return the verdict in a word or two: data broken, pending, concept, input, input and concept, or none."""
        if self.quality.broken:
            return "data broken"
        moved = [name for name, is_moved in (("input", self.input.moved), ("concept", self.relation.moved)) if is_moved]
        return " and ".join(moved) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Return the summary ready for JSON, dates as ISO text."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the summary from `to_dict`'s output; raise ValueError naming what is missing or unknown."""
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ValueError(f"drift summary: missing or unknown {', '.join(sorted(names ^ set(values)))}")
        attribution = values["attribution"]
        return cls(**{
            **values,
            "first_date": _date(values["first_date"]),
            "last_date": _date(values["last_date"]),
            "severity": Severity(values["severity"]),
            "drifted": tuple(values["drifted"]),
            "input": InputAnswer(**{**values["input"], "columns": _each(ColumnShift, values["input"])}),
            "relation": RelationAnswer(**{
                **values["relation"],
                "since": _date(values["relation"]["since"]),
                "columns": _each(ColumnHarm, values["relation"]),
            }),
            "quality": QualityAnswer(**{**values["quality"], "problems": tuple(values["quality"]["problems"])}),
            "attribution": None if attribution is None else Attribution(**{
                **attribution, "columns": _each(ColumnHarm, attribution),
            }),
        })  # fmt: skip


def _each(kind: type[Any], holder: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(kind(**row) for row in holder["columns"])


def _date(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def _plain(value: Any) -> Any:
    """Return a value with dates as text and tuples as lists, all the way down."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value
