"""A replay and the platform by Dagster alone leave the same behind: ledger, bundles, reports, tables, predictions."""

import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from parivision_assets.commands.replay.command import SimulatedClock, live_by_core, live_by_dagster
from parivision_assets.commands.replay.engine import SERVED, TO_FEATURES, DagsterEngine
from parivision_assets.stores.home import Home
from parivision_assets_tests.commands.replay.dagster_alone import DagsterAlone, home_of, live_by_dagster_alone
from parivision_assets_tests.commands.replay.leagues import LIVED, TARGET, Silent, league, question
from parivision_assets_tests.small_platform import import_foreign_libraries

COMPARED_TABLES = (
    "validated_shots", "validated_games", "player_game_totals", "team_game_totals", "action_totals",
    "shot_features", "game_features", "team_states", "served_predictions", "prediction_outcomes",
)  # fmt: skip


KILLED_AT_PROMOTION = """
import os, signal, sys
from pathlib import Path
from parivision_assets.commands.replay.command import live_by_dagster
from parivision_assets.commands.replay.engine import DagsterEngine
from parivision_assets_tests.commands.replay.leagues import Silent, league, question

judge = DagsterEngine.judge

def killed(self, target, season):
    found = judge(self, target, season)
    if found.verdict == "promote":
        os.kill(os.getpid(), signal.SIGKILL)
    return found

DagsterEngine.judge = killed
live_by_dagster(league(), question(), Path(sys.argv[1]), Silent())
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, DagsterAlone, list[dict[str, Any]]]:
    """30 game days lived by the replay, which is killed once, and by Dagster alone."""
    import_foreign_libraries()
    asked, folder = question(), tmp_path_factory.mktemp("parity")
    with warnings.catch_warnings():
        # MLflow's and Dagster's own, as in the other tests that train through them.
        warnings.simplefilter("ignore")
        # kill -9 once the promotion is done and before it is written down; then the replay goes on where it was.
        killed = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", KILLED_AT_PROMOTION, str(folder / "replay")], check=False
        )
        assert killed.returncode == -signal.SIGKILL
        loop = live_by_dagster(league(), asked, folder / "replay", Silent())
        replayed = home_of(asked, folder / "replay", SimulatedClock())
        # A replay brings tables up to the day only before an event; after the last one that is left to do.
        with DagsterEngine(replayed, asked.budget, lambda _text: None) as engine:
            engine.run(f"{TO_FEATURES} or {SERVED}", LIVED)
        alone = live_by_dagster_alone(league(), asked, folder / "alone")
    return replayed, alone, loop.events


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_enough_happened_to_compare(both: tuple[Home, DagsterAlone, list[dict[str, Any]]]) -> None:
    """Without a promotion, a report and a second training the other tests here would compare nothing."""
    _, alone, events = both
    kinds = [event["event"] for event in events]
    assert kinds.count("training") >= 2
    assert "promote" in kinds
    assert "report" in kinds
    by_replay = [
        (event["day"], event["target"], "report" if event["event"] == "report" else f"training {event['cause']}")
        for event in events
        if event["event"] in {"report", "training"}
    ]
    assert sorted(by_replay[1:]) == sorted(alone.did[1:])


def test_ledgers_are_the_same_bit_for_bit(both: tuple[Home, DagsterAlone, list[dict[str, Any]]]) -> None:
    replayed, alone, _ = both
    assert replayed.ledger.verify().intact
    assert [vars(record) for record in replayed.ledger.records()] == [
        vars(record) for record in alone.home.ledger.records()
    ]
    assert replayed.ledger.head() == alone.home.ledger.head()


def test_bundles_and_reports_are_the_same(both: tuple[Home, DagsterAlone, list[dict[str, Any]]]) -> None:
    replayed, alone, _ = both
    assert bundles(replayed) == bundles(alone.home) != set()
    assert [{**report.to_dict(), "run_id": None} for report in replayed.reports.reports(TARGET)] == [
        {**report.to_dict(), "run_id": None} for report in alone.home.reports.reports(TARGET)
    ]


@pytest.mark.parametrize("table", COMPARED_TABLES)
def test_tables_are_the_same(both: tuple[Home, DagsterAlone, list[dict[str, Any]]], table: str) -> None:
    replayed, alone, _ = both
    seasons = replayed.tables.partitions(table)
    assert seasons == alone.home.tables.partitions(table) != []
    if replayed.tables.version(table, str(LIVED)) != alone.home.tables.version(table, str(LIVED)):
        one, other = (home.tables.read(table, str(LIVED)) for home in (replayed, alone.home))
        assert one.equals(other), (one.join(other, on=one.columns, how="anti", nulls_equal=True), other)
    assert [replayed.tables.version(table, season).digest for season in seasons] == [
        alone.home.tables.version(table, season).digest for season in seasons
    ]


def test_predictions_on_record_are_the_same(both: tuple[Home, DagsterAlone, list[dict[str, Any]]]) -> None:
    replayed, alone, _ = both
    one, other = replayed.served.read(TARGET), alone.home.served.read(TARGET)
    assert one.height
    assert one.equals(other)


def test_the_core_alone_says_the_same_on_the_same_days(
    both: tuple[Home, DagsterAlone, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The quick engine keeps nothing of the platform's, and comes to the same events and verdicts."""
    quick = live_by_core(league(), question(), tmp_path, Silent()).events
    told = ("day", "target", "event", "verdict", "cause", "why", "since", "retrain", "columns")
    by_core, by_dagster = ([{name: event.get(name) for name in told} for event in found] for found in (quick, both[2]))
    for event in (*by_core, *by_dagster):
        if event["event"] not in {"report", "training"}:
            # The gate's sentence names the model, whose digest is of a bundle with less about its data here.
            event["why"] = None
    assert by_core == by_dagster


def bundles(home: Home) -> set[str]:
    """Return the digests of models and decisions that a home keeps."""
    return {path.name for path in (home.root / "bundles" / "bundles").iterdir()}
