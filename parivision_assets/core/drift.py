"""What a drift report says: three separate answers, what a change in log loss is made of, and whether to retrain.

Has the input moved, has the relation moved, is the data broken: each has its own answer and they are never mixed up.
The daily statistics of the relation are in `core.monitor`, those of the inputs in `core.input_shift`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

MAJOR_HARM_NATS = 0.002
"""What is major: an error of three points in every probability (d^2 / (2 * 0.24) nats per row)."""
MOST_PENDING = 0.5
"""With more of the window's outcomes unknown than this, there is no verdict on the relation."""


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
    """What re-learning one column's relation to the outcome would save beyond standing errors, nats per row."""

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
    beyond the champion's standing errors (those before the window); `since` is the estimated first
    day of the change. `log_e_value` is anytime-valid evidence (natural logarithm) against "the champion's
    probabilities still hold, standing errors apart". `rows` and `game_days` are those of the recent games.
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
    """A change in log loss against games before the change, or the holdout (nats per row); mix + concept + noise = it.

    Standard errors are clustered by game, None with a single game.
    """

    reference_log_loss: float
    current_log_loss: float
    change_nats: float
    change_se: float | None
    mix_nats: float
    concept_nats: float
    noise_nats: float
    columns: tuple[ColumnHarm, ...]
    mix_se: float | None = None
    concept_se: float | None = None


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
        """Return the verdict in a word or two: data broken, concept, input, input and concept, pending, or none."""
        return verdict_of(
            is_broken=self.quality.broken,
            input_moved=self.input.moved,
            relation_moved=self.relation.moved,
            is_undecided=is_undecided(self.relation, self.quality),
        )

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


def verdict_of(*, is_broken: bool, input_moved: bool, relation_moved: bool, is_undecided: bool = False) -> str:
    """Return the verdict in a word or two; while most outcomes are pending, nothing is said of the relation."""
    if is_broken:
        return "data broken"
    of_relation = "pending" if is_undecided else "concept" if relation_moved else ""
    return " and ".join(filter(None, ["input" if input_moved else "", of_relation])) or "none"


def is_undecided(relation: RelationAnswer, quality: QualityAnswer) -> bool:
    """Return whether too few outcomes are known for a verdict on the relation."""
    return quality.events > 0 and (relation.rows == 0 or quality.pending > MOST_PENDING * quality.events)


def summarise(
    target: str,
    champion: str,
    window: tuple[dt.date | None, dt.date | None],
    *,
    input_answer: InputAnswer,
    relation: RelationAnswer,
    quality: QualityAnswer,
    attribution: Attribution | None,
    outcomes: tuple[int, int] | None = None,
) -> DriftSummary:
    """Return a report's summary from its three answers over a window of game dates (first, last; None: no games).

    `outcomes` counts the window's labelled rows that were 1 and 0; with one of them only, the reason says so.
    Retraining is asked for when the relation has moved, the data is not broken and most outcomes are known.
    """
    undecided = is_undecided(relation, quality)
    drifted = [column.column for column in input_answer.columns if column.moved]
    if relation.moved and relation.columns:
        drifted.append(relation.columns[0].column)
    return DriftSummary(
        target, champion, *window,
        _severity(input_answer, relation, quality, undecided=undecided),
        tuple(dict.fromkeys(drifted)),
        input_answer, relation, quality, attribution,
        relation.moved and not quality.broken and not undecided,
        "; ".join(_reasons(input_answer, relation, quality, attribution, outcomes, undecided=undecided)),
    )  # fmt: skip


def _severity(
    input_answer: InputAnswer, relation: RelationAnswer, quality: QualityAnswer, *, undecided: bool
) -> Severity:
    """Return major for broken data or much harm, minor for less harm, a moved input or late outcomes."""
    if quality.broken or (relation.moved and relation.harm_nats >= MAJOR_HARM_NATS):
        return Severity.MAJOR
    return Severity.MINOR if relation.moved or input_answer.moved or undecided else Severity.NONE


def _reasons(
    input_answer: InputAnswer,
    relation: RelationAnswer,
    quality: QualityAnswer,
    attribution: Attribution | None,
    outcomes: tuple[int, int] | None,
    *,
    undecided: bool,
) -> list[str]:
    """Return what explains the verdict, the most important first, in words."""
    if not quality.events:
        return ["no games in the window: there is nothing to judge; choose a window with games"]
    told = []
    if quality.broken:
        told.append(f"the data is broken, so nothing is learnt from it: {quality.reason}")
    if undecided:
        told.append(
            f"{quality.pending:,} of {quality.events:,} events wait for their outcome: no verdict on the relation"
        )
    told.append(relation.reason)
    told.append(input_answer.reason)
    told.extend(quality.problems)
    if outcomes is not None and sum(outcomes) > 0 and 0 in outcomes:
        only = 1 if outcomes[0] else 0
        told.append(f"all {sum(outcomes):,} outcomes known in the window are {only}: its log loss is mostly luck")
    if attribution is None and not undecided:
        told.append("no games before the window to compare with, so the change in log loss is not attributed")
    return told


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
