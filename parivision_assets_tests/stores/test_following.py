"""Bundle pointer, MLflow's alias and kept head follow the ledger, and are repaired from it and from nothing else."""

from pathlib import Path

import pytest

from parivision_assets.stores import following
from parivision_assets.stores.following import follow_ledger, repair_champions
from parivision_assets.stores.home import Home
from parivision_assets.stores.ledger import LedgerBrokenError
from parivision_assets_tests.small_platform import import_foreign_libraries
from parivision_assets_tests.stores.small_champions import TARGET, home_at, in_place, model, promote, promotion
from parivision_assets_tests.stores.tampering import behind_the_triggers

import_foreign_libraries()

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_at(tmp_path)


def test_without_a_champion_there_is_nothing_to_follow(home: Home) -> None:
    model(home, "a")
    assert follow_ledger(home, TARGET) is None
    assert repair_champions(home) == []
    assert in_place(home) == (None, None, None)


def test_what_a_killed_process_left_behind_is_repaired(home: Home) -> None:
    promote(home, model(home, "a"))
    b = model(home, "b")
    record = home.ledger.append(promotion(home, b), home.ledger.head())
    assert repair_champions(home) == []
    assert in_place(home) == (b, b, b)
    assert home.bundles.champion(TARGET).decision == record.sequence
    assert str(record.head) in home.registry.kept_heads()


def test_a_pointer_ahead_of_the_ledger_comes_back(home: Home) -> None:
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    home.bundles.set_champion(TARGET, b, 99)
    home.registry.point_alias(TARGET, "champion", b)
    assert follow_ledger(home, TARGET) == a
    assert in_place(home) == (a, a, a)


def test_whoever_writes_last_looks_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow process that read the old champion puts it in place after a fast one promoted the next."""
    promote(home, model(home, "a"))
    b, real, calls = model(home, "b"), following._follow, []

    def slow(home: Home, champion: object) -> None:
        if not calls:
            calls.append(champion)
            promote(home, b)
        real(home, champion)

    monkeypatch.setattr(following, "_follow", slow)
    assert follow_ledger(home, TARGET) == b
    assert in_place(home) == (b, b, b)


def test_a_ledger_cut_short_moves_nothing_and_its_kept_head_stays(home: Home) -> None:
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    head = promote(home, b).head
    with behind_the_triggers(home.settings.ledger_url) as connection:
        connection.exec_driver_sql("DELETE FROM ledger WHERE sequence = 2")
    with pytest.raises(LedgerBrokenError, match="entry 2 is missing"):
        follow_ledger(home, TARGET)
    (problem,) = repair_champions(home)
    assert problem.startswith(f"the champion of {TARGET} could not be put in place: the ledger is not intact: entry 2")
    assert in_place(home) == (a, b, b)
    assert str(head) in home.registry.kept_heads()


def test_one_targets_lost_model_does_not_keep_the_others_from_repair(home: Home) -> None:
    lost = home.bundles.write_bundle({"model/model.json": b"x"}, {}).digest
    home.ledger.append(promotion(home, lost), home.ledger.head())
    other = model(home, "b", "shot_pre_release")
    home.ledger.append(promotion(home, other, "shot_pre_release"), home.ledger.head())
    (problem,) = repair_champions(home)
    assert "no version of game holds bundle" in problem
    assert in_place(home, "shot_pre_release") == (other, other, other)
