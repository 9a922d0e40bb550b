"""Losses of a replay: sums by day become means per event, and each contestant is measured on what it predicted."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from parivision_assets.commands.replay.losses import FIRST, LOOP, OPTIMUM, SCHEMA, LossBook, mean_losses

DAY, NEXT = dt.date(2022, 11, 1), dt.date(2022, 12, 2)


def book() -> LossBook:
    """Return two days of two contestants, the second of which missed the first day."""
    losses = LossBook()
    losses.add("game", DAY, 2023, FIRST, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    losses.add("game", NEXT, 2023, FIRST, np.array([1.0]), np.array([0.25]))
    losses.add("game", NEXT, 2023, LOOP, np.array([1.0]), np.array([0.75]))
    losses.add("game", NEXT, 2023, OPTIMUM, np.array([]), np.array([]))
    return losses


def test_means_are_per_event_not_per_day() -> None:
    (row,) = mean_losses(book().table, "season").to_dicts()
    assert (row["target"], row["span"], row["events"]) == ("game", 2023, 3)
    assert row[FIRST] == pytest.approx((2 * math.log(2) + math.log(4)) / 3)
    assert row[LOOP] == pytest.approx(math.log(4 / 3))
    assert OPTIMUM not in row


def test_means_by_month() -> None:
    months = mean_losses(book().table, pl.col("day").dt.truncate("1mo"))
    assert months["span"].to_list() == [dt.date(2022, 11, 1), dt.date(2022, 12, 1)]
    assert months[FIRST].to_list() == pytest.approx([math.log(2), math.log(4)])
    assert months[LOOP].to_list() == [None, pytest.approx(math.log(4 / 3))]


def test_an_empty_book_has_the_tables_columns() -> None:
    assert LossBook().table.schema == pl.Schema(SCHEMA)
