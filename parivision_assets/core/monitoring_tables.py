"""Contracts of what is monitored: served predictions, their outcomes, live performance and the scoreboard.

Contracts of data, features and predictions of coming games are in `contracts`; here is what follows after serving.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from parivision_assets.core.contracts import Column, KnownAt, Table

CHAMPION, CHALLENGER = "champion", "challenger"
ROLES = (CHAMPION, CHALLENGER)
ANSWERED = "answered"
"""The role of what somebody asked for and was given; the others are what the platform recorded by itself."""

_LABEL = KnownAt.LABEL
_TARGET = Column("target", pl.String, "What is predicted")

SERVED_PREDICTIONS = Table(
    name="served_predictions",
    description="Every probability that was served or computed in shadow before the outcome; first write wins.",
    key=("prediction_id",),
    columns=(
        Column("prediction_id", pl.String, "Digest of target, model and event"),
        _TARGET,
        Column("role", pl.String, "Whether the model served or scored in shadow that day", allowed=ROLES),
        Column("model", pl.String, "Bundle that predicted"),
        Column("event", pl.String, "Game and shot, or game; empty for a hypothetical question", nullable=True),
        Column("game", pl.String, "Game of the event", nullable=True),
        Column("game_date", pl.Date, "Local date of the game", nullable=True),
        Column("as_of", pl.Date, "Newest date whose outcomes the prediction may know"),
        Column("probability", pl.Float64, "Probability that the event happens", minimum=0, maximum=1),
    ),
)

LOGGED_PREDICTIONS = Table(
    name="logged_predictions",
    description="Answers of the API about real events, as the prediction log keeps them; who asked is left out.",
    key=("prediction_id",),
    columns=(
        Column("prediction_id", pl.String, "Identifier given with the answer; sorts by time"),
        Column("asked_at", pl.String, "Moment of the answer, UTC"),
        _TARGET,
        Column("model", pl.String, "Bundle that answered"),
        Column("event", pl.String, "Game, player, period and clock of a shot, or game"),
        Column("game", pl.String, "Game of the event"),
        Column("game_date", pl.Date, "Local date of the game, as whoever asked has it"),
        Column("as_of", pl.Date, "Newest date whose outcomes the answer may know"),
        Column("probability", pl.Float64, "Probability that was answered", minimum=0, maximum=1),
    ),
)

OUTCOMES = Table(
    name="outcomes",
    description="What happened, one row per event and report of it; two reports of one event may contradict.",
    key=(),
    columns=(
        Column("event", pl.String, "Game and shot, or game"),
        Column("game", pl.String, "Game of the event"),
        Column("game_date", pl.Date, "Local date of the game"),
        Column("outcome", pl.Boolean, "Whether it happened; empty: not labelled yet", _LABEL, nullable=True),
        Column("known_on", pl.Date, "Platform's date when the outcome became known; empty where nobody can tell",
               _LABEL, nullable=True),
    ),
)  # fmt: skip

STATES = {
    "pending": "no outcome is known yet",
    "scored": "the outcome is known",
    "corrected": "the outcome is known and differs from the one recorded before",
    "hypothetical": "no event: never scored",
    "late": "made with outcomes of the game's own day: never scored",
    "contradictory": "two different outcomes are reported: not scored until one is withdrawn",
    "void": "the game is known and the event is not in it (any more): never scored unless it comes back",
}
"""What may become of a prediction, in words."""
SCORED_STATES = ("scored", "corrected")

PREDICTION_OUTCOMES = Table(
    name="prediction_outcomes",
    description="Served predictions joined with what happened, as far as it is known.",
    key=("prediction_id",),
    columns=(
        *(
            replace(column, allowed=(*ROLES, ANSWERED)) if column.name == "role" else column
            for column in SERVED_PREDICTIONS.columns
        ),
        Column("state", pl.String, "What became of the prediction", _LABEL, allowed=tuple(STATES)),
        Column("outcome", pl.Boolean, "Whether it happened, where scored or corrected", _LABEL, nullable=True),
        Column("earlier_outcome", pl.Boolean, "Outcome that was recorded before, where it differs or was withdrawn",
               _LABEL, nullable=True),
        Column("known_on", pl.Date, "Platform's date when the outcome first became known", _LABEL, nullable=True),
        Column("label_delay_days", pl.Int32, "Days from the game until its outcome was known", _LABEL, "d",
               minimum=0, nullable=True),
    ),
)  # fmt: skip

_COUNTED = (
    Column("n", pl.Int64, "Scored predictions", _LABEL, minimum=0),
    Column("games", pl.Int64, "Games they belong to", _LABEL, minimum=0),
)
_FIGURES = (
    Column("log_loss", pl.Float64, "Mean log loss", _LABEL, "nats", minimum=0, nullable=True),
    Column("log_loss_se", pl.Float64, "Its standard error, games as clusters", _LABEL, "nats", 0, nullable=True),
    Column("brier", pl.Float64, "Mean Brier score", _LABEL, "", 0, 1, nullable=True),
    Column("brier_se", pl.Float64, "Its standard error, games as clusters", _LABEL, "", 0, nullable=True),
    Column("accuracy", pl.Float64, "Share called right at one half", _LABEL, "", 0, 1, nullable=True),
    Column("accuracy_se", pl.Float64, "Its standard error, games as clusters", _LABEL, "", 0, nullable=True),
    Column("ece", pl.Float64, "Expected calibration error, 15 equal-mass bins", _LABEL, "", 0, 1, nullable=True),
    Column("ece_null_95", pl.Float64, "Its 95 % quantile under perfect calibration", _LABEL, "", 0, 1, nullable=True),
)

WINDOWS = {"7_days": 7, "30_days": 30, "since_promotion": None}
"""Game days per window; None: all on which the model served."""

LIVE_PERFORMANCE = Table(
    name="live_performance",
    description="Rolling figures of each champion on the events it served, beside those of its own holdout.",
    key=("target", "model", "window", "last_date"),
    columns=(
        _TARGET,
        Column("model", pl.String, "Champion's bundle"),
        Column("window", pl.String, "Game days looked at", allowed=tuple(WINDOWS)),
        Column("first_date", pl.Date, "First game day of the window"),
        Column("last_date", pl.Date, "Last game day of the window"),
        Column("game_days", pl.Int32, "Game days in the window", unit="d", minimum=1),
        *_COUNTED,
        *_FIGURES,
        Column("holdout_n", pl.Int64, "Rows of the champion's own holdout", minimum=1, nullable=True),
        Column("holdout_log_loss", pl.Float64, "Log loss there", _LABEL, "nats", 0, nullable=True),
        Column("holdout_ece", pl.Float64, "Expected calibration error there", _LABEL, "", 0, 1, nullable=True),
        Column("change_nats", pl.Float64, "Log loss of the window less that of the holdout", _LABEL, "nats",
               nullable=True),
        Column("change_se", pl.Float64, "Its standard error", _LABEL, "nats", 0, nullable=True),
        Column("pending", pl.Int64, "Predictions that wait for an outcome", _LABEL, minimum=0),
        Column("label_delay_median_days", pl.Float64, "Median days until an outcome was known", _LABEL, "d", 0,
               nullable=True),
        Column("label_delay_max_days", pl.Int32, "Most days until an outcome was known", _LABEL, "d", 0, nullable=True),
        Column("note", pl.String, "What the figures mean, in words"),
    ),
)  # fmt: skip

BOARDS = ("whole", "shadow")
"""whole: every contestant but the challenger; shadow: everybody, on what the challenger scored too."""

SCOREBOARD = Table(
    name="scoreboard",
    description="Champion, challenger in shadow and every benchmark on exactly the same events, losses included.",
    key=("target", "season", "board", "contestant"),
    columns=(
        _TARGET,
        Column("season", pl.Int16, "Year in which the season ends", minimum=1947, maximum=2100),
        Column("board", pl.String, "Whose events: without the challenger, or those it scored too", allowed=BOARDS),
        Column("contestant", pl.String, "Who predicted"),
        *_COUNTED,
        *_FIGURES,
        Column("behind_nats", pl.Float64, "Log loss less the champion's on the same events; above 0: worse", _LABEL,
               "nats", nullable=True),
        Column("behind_se", pl.Float64, "Standard error of that difference, games as clusters", _LABEL, "nats", 0,
               nullable=True),
        Column("standing", pl.String, "Who is ahead of whom, in words", _LABEL),
        Column("left_out", pl.Int64, "Scored events that are not counted for anybody", _LABEL, minimum=0),
        Column("left_out_reason", pl.String, "Why they are left out", _LABEL),
    ),
)  # fmt: skip
