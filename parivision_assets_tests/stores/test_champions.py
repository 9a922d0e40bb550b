"""From a challenger to the ledger and what follows it: decided once, and repaired when a kill came in between."""

import subprocess
import sys

import pytest

from parivision_assets.core.catalogue import TARGETS
from parivision_assets.stores.chain import Entry, Kind
from parivision_assets.stores.champions import follow_ledger, judge, read_decision, seen_games
from parivision_assets_tests.model_platform import SEASONS, TARGET
from parivision_assets_tests.small_platform import SmallPlatform

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]


@pytest.fixture
def small(undecided: SmallPlatform) -> SmallPlatform:
    return undecided


def challenger(small: SmallPlatform) -> str:
    found = small.home.registry.aliased(TARGET, "challenger")
    assert found is not None
    return found[1]


def judged(small: SmallPlatform, actor: str = "tester"):
    tables, target = small.home.tables, TARGETS[TARGET]
    holdout, training = (tables.read(target.table.name, season) for season in reversed(SEASONS))
    return judge(small.home, target, challenger(small), holdout, training, actor)


def test_the_first_champion_beats_the_baseline_and_serves(small: SmallPlatform) -> None:
    found = judged(small)
    assert found.decision.verdict == "promote", found.decision.reason
    assert found.is_new
    assert found.champion_digest == challenger(small)
    assert small.home.ledger.champion(TARGET).model == challenger(small)
    assert small.home.bundles.champion(TARGET).digest == challenger(small)
    assert small.home.registry.aliased(TARGET, "champion")[1] == challenger(small)
    # The head is kept where a truncated ledger cannot reach it.
    assert str(small.home.ledger.head()) in small.home.registry.kept_heads()


def test_judging_twice_is_one_entry(small: SmallPlatform) -> None:
    first, second = judged(small), judged(small, "somebody else")
    assert not second.is_new
    assert second.record == first.record
    assert len(small.home.ledger.records()) == 1
    assert second.decision.to_dict() == first.decision.to_dict()


def test_the_ledger_says_who_asked_and_cites_the_whole_decision(small: SmallPlatform) -> None:
    found = judged(small)
    assert found.record.actor == "tester"
    assert found.record.reason == found.decision.reason
    assert read_decision(small.home, found.record) == found.decision
    assert len(found.decision.evidence.games) > 0


def test_no_game_that_was_trained_on_is_evidence(small: SmallPlatform) -> None:
    seen = set(seen_games(small.home.bundles.read_bundle(challenger(small))))
    judged_on = {pair.game for pair in judged(small).decision.evidence.games}
    assert seen
    assert not seen & judged_on


def test_what_follows_the_ledger_is_repaired_from_it(small: SmallPlatform) -> None:
    """A kill between the append and what follows leaves an entry and no champion pointer."""
    home, target = small.home, TARGETS[TARGET]
    found = judged(small)
    kept = {"decision_bundle": found.record.content()["decision_bundle"]}
    home.ledger.append(Entry(Kind.ROLLBACK, TARGET, "tester", "once more", {"champion": challenger(small)} | kept),
                       home.ledger.head())  # fmt: skip
    assert str(home.ledger.head()) not in home.registry.kept_heads()
    assert follow_ledger(home, target.name) == challenger(small)
    assert str(home.ledger.head()) in home.registry.kept_heads()


_KILLED = """
import os, signal, sys
from parivision_assets.stores import champions
from parivision_assets_tests.model_platform import SEASONS, TARGET, SmallPlatform
from parivision_assets.settings import Settings
from pathlib import Path
from parivision_assets.core.catalogue import TARGETS
settings = Settings(home=Path(sys.argv[1]), shots_url="none", seasons=SEASONS)
small = SmallPlatform(settings, None)
champions.follow_ledger = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
tables, target = small.home.tables, TARGETS[TARGET]
holdout, training = (tables.read(target.table.name, season) for season in reversed(SEASONS))
champions.judge(small.home, target, sys.argv[2], holdout, training, "killed")
"""


def test_a_kill_between_the_ledger_and_the_pointer_is_repaired_by_the_next_run(small: SmallPlatform) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(small.settings.home), challenger(small)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    home = small.home
    assert home.ledger.champion(TARGET).model == challenger(small)
    assert home.bundles.champion(TARGET) is None
    again = judged(small)
    assert not again.is_new
    assert home.bundles.champion(TARGET).digest == challenger(small)
    assert home.registry.aliased(TARGET, "champion")[1] == challenger(small)
    assert len(home.ledger.records()) == 1
