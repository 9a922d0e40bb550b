"""Rollback: to a model that was champion, on the record once, and in place at once."""

from pathlib import Path

import pytest

from parivision_assets.stores.atomic import StoreAbsentError
from parivision_assets.stores.chain import Kind
from parivision_assets.stores.home import Home
from parivision_assets.stores.rollbacks import rollback
from parivision_assets_tests.small_platform import import_foreign_libraries
from parivision_assets_tests.stores.small_champions import TARGET, home_at, in_place, model, promote, promotion

import_foreign_libraries()

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_at(tmp_path)


def back(home: Home, to: str, request: str = "run 1"):
    return rollback(home, TARGET, to, "ann", "wrong in overtime", request)


def test_a_former_champion_serves_again(home: Home) -> None:
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    promote(home, b)
    record = back(home, a[:8])
    assert (record.kind, record.actor, record.reason) == (Kind.ROLLBACK, "ann", "wrong in overtime")
    assert in_place(home) == (a, a, a)
    assert home.ledger.verify().intact
    assert str(record.head) in home.registry.kept_heads()


def test_previous_goes_back_step_by_step_and_never_forward(home: Home) -> None:
    a, b, c = (model(home, name) for name in "abc")
    for digest in (a, b, c):
        promote(home, digest)
    back(home, "previous", "run 1")
    assert in_place(home) == (b, b, b)
    back(home, "previous", "run 2")
    assert in_place(home) == (a, a, a)
    with pytest.raises(ValueError, match="is the first champion of game; there is none before it"):
        back(home, "previous", "run 3")


def test_the_same_request_again_is_one_entry(home: Home) -> None:
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    promote(home, b)
    assert back(home, "previous") == back(home, "previous")
    assert len(home.ledger.records()) == 3


def test_who_never_was_champion_is_refused_in_words(home: Home) -> None:
    with pytest.raises(ValueError, match="game has no champion yet"):
        back(home, "previous")
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    with pytest.raises(ValueError, match=f"'{b}' was never champion of game; .*: {a}"):
        back(home, b)
    with pytest.raises(ValueError, match="is champion of game now"):
        back(home, a)
    with pytest.raises(ValueError, match="was never champion"):
        back(home, "")
    promote(home, b)
    with pytest.raises(ValueError, match="actor and a reason"):
        rollback(home, TARGET, a, "ann", "   ", "run 2")
    assert len(home.ledger.records()) == 2


def test_a_beginning_that_fits_two_is_refused(home: Home) -> None:
    found: dict[str, str] = {}
    number = 0
    while True:
        digest = home.bundles.write_bundle({"model/model.json": b"%d" % number}, {}).digest
        if digest[0] in found:
            break
        found[digest[0]] = digest
        number += 1
    for twin in (found[digest[0]], digest):
        home.ledger.append(promotion(home, twin), home.ledger.head())
    with pytest.raises(ValueError, match="begins the digests of several champions"):
        back(home, digest[0])


def test_nothing_is_recorded_where_the_bundle_or_the_model_version_is_gone(home: Home) -> None:
    home.ledger.append(promotion(home, "0" * 64), home.ledger.head())
    unregistered = home.bundles.write_bundle({"model/model.json": b"x"}, {}).digest
    home.ledger.append(promotion(home, unregistered), home.ledger.head())
    promote(home, model(home, "b"))
    with pytest.raises(StoreAbsentError, match="there is no bundle"):
        back(home, "0" * 64)
    with pytest.raises(LookupError, match="no version of game"):
        back(home, unregistered)
    assert len(home.ledger.records()) == 3
