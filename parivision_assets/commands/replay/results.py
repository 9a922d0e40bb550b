"""How a replay ended: who lost how much, what was noticed and done, and the picture of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl

from parivision_assets import pictures
from parivision_assets.commands.console import OUT, print_table
from parivision_assets.commands.replay.losses import CONTESTANTS, LOOP, YEARLY, mean_losses

SHOWN = {
    "report": "drift report",
    "training": "training",
    "promote": "promoted",
    "keep": "not promoted",
    "not_enough_data": "not enough data",
    "refused": "data refused",
}


def summary(losses: pl.DataFrame, events: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return everything a replay found, ready for JSON."""
    by_season = mean_losses(losses, "season").rename({"span": "season"})
    return {
        "seconds": seconds,
        "seasons": by_season.to_dicts(),
        "months": _by_month(losses).to_dicts(),
        "trainings": _counts(events, "training"),
        "promotions": _counts(events, "promote"),
        "events": [{**event, "day": str(event["day"])} for event in events],
    }


MOST_MONTHS = 14
"""More months than this are printed as seasons; the picture and the JSON have them all."""


def print_results(losses: pl.DataFrame, events: Sequence[dict[str, Any]], seconds: float) -> None:
    """Print log loss by month (or season) and contestant, then every event with its date, reason and attribution."""
    months = _by_month(losses)
    by_month = months["month"].n_unique() <= MOST_MONTHS
    spans = months.rename({"month": "span"}) if by_month else mean_losses(losses, "season")
    named = [name for name in CONTESTANTS if name in spans.columns]
    rows = [
        (
            row["target"].replace("_", " "),
            f"{row['span']:%Y-%m}" if by_month else str(row["span"]),
            row["events"],
            *[row[name] for name in named],
            row[YEARLY] - row[LOOP] if LOOP in named and YEARLY in named else None,
        )
        for row in spans.iter_rows(named=True)
    ]
    columns = ("target", "month" if by_month else "season", "events", *named, "loop gains")
    print_table("Log loss in nats per event; 'loop gains' is against retraining every season", columns, rows)
    shown = [event for event in events if event["event"] != "report" or event["verdict"] != "none"]
    lines = [(str(event["day"]), event["target"].replace("_", " "), _what(event), _why(event)) for event in shown]
    print_table("What was noticed, and what was done", ("day", "target", "event", "why"), lines)
    for target, count in _counts(events, "training").items():
        promoted = _counts(events, "promote").get(target, 0)
        OUT.print(f"{target.replace('_', ' ')}: {count} trainings, {promoted} promotions", highlight=False)
    OUT.print(f"Replayed in {seconds:.0f} s.", highlight=False)


def picture(losses: pl.DataFrame, events: Sequence[dict[str, Any]]) -> bytes:
    """Return a PNG: log loss by month of every contestant, a panel per target, promotions and verdicts marked."""
    marks = [
        (event["target"], _day(event["day"]), "promoted" if event["event"] == "promote" else event["verdict"])
        for event in events
        if event["event"] == "promote" or (event["event"] == "report" and event["verdict"] != "none")
    ]
    return pictures.replay_png(_by_month(losses), list(CONTESTANTS), marks)


def _by_month(losses: pl.DataFrame) -> pl.DataFrame:
    return mean_losses(losses, pl.col("day").dt.truncate("1mo")).rename({"span": "month"})


def _counts(events: Sequence[dict[str, Any]], kind: str) -> dict[str, int]:
    names = [event["target"] for event in events if event["event"] == kind]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _why(event: dict[str, Any]) -> str:
    named = [name.replace("_", " ") for name in event.get("columns", [])]
    return f"{event['why']}; most in {', '.join(named)}" if named else str(event["why"])


def _what(event: dict[str, Any]) -> str:
    shown = SHOWN[event["event"]]
    return f"{shown}: {event['verdict']}" if event["event"] == "report" else shown


def _day(value: Any) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
