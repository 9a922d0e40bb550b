"""Acknowledged drift: the newest acknowledgement counts, up to and including its date, for its target only."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.settings import Settings
from parivision_assets.stores.acknowledgements import acknowledge, acknowledged_until
from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.home import Home
from parivision_assets.stores.ledger import Ledger

UNTIL = dt.date(2021, 3, 31)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(tmp_path / "ledger.db")


def test_it_holds_up_to_and_including_its_date_for_its_target(ledger: Ledger) -> None:
    record = acknowledge(ledger, "game", UNTIL, "ann", "new ball, known")
    assert record is not None
    assert (record.kind, record.actor, record.reason) == ("acknowledgement", "ann", "new ball, known")
    assert acknowledged_until(ledger, "game", UNTIL) == UNTIL
    assert acknowledged_until(ledger, "game", UNTIL + dt.timedelta(days=1)) is None
    assert acknowledged_until(ledger, "shot_pre_release", UNTIL) is None


def test_the_newest_counts_even_where_it_ends_sooner(ledger: Ledger) -> None:
    acknowledge(ledger, "game", UNTIL, "ann", "new ball, known")
    acknowledge(ledger, "game", UNTIL - dt.timedelta(days=30), "bob", "learn it now")
    assert acknowledged_until(ledger, "game", UNTIL) is None


def test_the_same_date_again_is_one_entry(ledger: Ledger) -> None:
    acknowledge(ledger, "game", UNTIL, "ann", "new ball, known")
    assert acknowledge(ledger, "game", UNTIL, "bob", "me too") is None
    assert len(ledger.records()) == 1


@settings(max_examples=20, deadline=None)
@given(days=st.integers(-400, 400))
def test_an_answer_is_never_before_today(tmp_path_factory: pytest.TempPathFactory, days: int) -> None:
    ledger = Ledger.open(tmp_path_factory.mktemp("home") / "ledger.db")
    acknowledge(ledger, "game", UNTIL, "ann", "new ball, known")
    today = UNTIL + dt.timedelta(days=days)
    assert acknowledged_until(ledger, "game", today) == (UNTIL if days <= 0 else None)


def test_the_homes_clock_dates_what_is_appended_through_it(tmp_path: Path) -> None:
    moment = dt.datetime(2016, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    ledger = Home(Settings(home=tmp_path), clock=lambda: moment).ledger
    record = acknowledge(ledger, "game", UNTIL, "ann", "new ball, known")
    assert record is not None
    assert record.recorded_at == "2016-02-03T04:05:06.000000+00:00"
    # An entry that carries its own moment keeps it.
    own = moment + dt.timedelta(days=1)
    entry = Entry(Kind.ACKNOWLEDGEMENT, "game", "ann", "again", {"until": "2022-01-01"}, own)
    assert ledger.append(entry, record.head).recorded_at == "2016-02-04T04:05:06.000000+00:00"
