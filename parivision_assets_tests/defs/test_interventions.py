"""The jobs by which a person intervenes, run by Dagster on the real stores; and what a start and a verify look at."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from parivision_assets.commands import ledger as command
from parivision_assets.defs import interventions
from parivision_assets.defs.instance import configure, open_instance
from parivision_assets.errors import CommandError
from parivision_assets.stores.acknowledgements import acknowledged_until
from parivision_assets.stores.database import migrate_database
from parivision_assets.stores.home import Home
from parivision_assets_tests.small_platform import import_foreign_libraries
from parivision_assets_tests.stores.small_champions import TARGET, home_at, in_place, model, promote, promotion
from parivision_assets_tests.stores.tampering import behind_the_triggers

import_foreign_libraries()

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

Launch = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_at(tmp_path / "home", today=dt.date(2021, 3, 1))


@pytest.fixture
def launch(home: Home) -> Launch:
    def run(name: str, instance: dg.DagsterInstance | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        (job,) = (job for job in interventions.jobs() if job.name == name)
        (op,) = (node.name for node in job.nodes)
        return job.execute_in_process(
            run_config={"ops": {op: {"config": config}}},
            resources={"home": home},
            instance=instance,
            raise_on_error=False,
        )

    return run


def why(result: dg.ExecuteInProcessResult) -> str:
    (failed,) = (e for e in result.all_node_events if e.event_type == dg.DagsterEventType.STEP_FAILURE)
    return failed.step_failure_data.error.to_string()


def test_rollback_puts_the_earlier_champion_in_place(home: Home, launch: Launch) -> None:
    a, b = model(home, "a"), model(home, "b")
    promote(home, a)
    promote(home, b)
    result = launch("rollback", target=TARGET, actor="ann", reason="wrong in overtime")
    assert result.success
    assert in_place(home) == (a, a, a)
    newest = home.ledger.records()[-1]
    assert (newest.kind, newest.actor, newest.reason) == ("rollback", "ann", "wrong in overtime")
    assert newest.content()["request"] == result.run_id


def test_rollback_to_a_stranger_fails_in_words(home: Home, launch: Launch) -> None:
    promote(home, model(home, "a"))
    result = launch("rollback", target=TARGET, champion="feed", actor="ann", reason="wrong in overtime")
    assert not result.success
    assert "'feed' was never champion of game; a rollback goes to one that was" in why(result)
    assert len(home.ledger.records()) == 1


@pytest.mark.parametrize(
    "changes", [{"reason": "no"}, {"actor": ""}, {"target": "weather"}, {"until": 3}, {"surprise": "x"}]
)
def test_a_launchpad_refuses_what_is_incomplete(home: Home, launch: Launch, changes: dict[str, Any]) -> None:
    given = {"target": TARGET, "until": "2021-03-31", "actor": "ann", "reason": "new ball, known"} | changes
    try:
        assert not launch("acknowledge_drift", **given).success
    except dg.DagsterInvalidConfigError as error:
        assert next(iter(changes)) in str(error)  # noqa: PT017 - limits of a field are checked in the run instead
    assert home.ledger.records() == []


def test_acknowledged_drift_holds_until_its_date(home: Home, launch: Launch) -> None:
    given = {"target": TARGET, "actor": "ann", "reason": "new ball, known"}
    assert launch("acknowledge_drift", until="2021-03-31", **given).success
    assert acknowledged_until(home.ledger, TARGET, dt.date(2021, 3, 31)) == dt.date(2021, 3, 31)
    assert acknowledged_until(home.ledger, TARGET, dt.date(2021, 4, 1)) is None
    assert launch("acknowledge_drift", until="2021-03-31", **given).success
    assert len(home.ledger.records()) == 1
    late = launch("acknowledge_drift", until="2021-02-28", **given)
    assert "2021-02-28 is over, the platform's date is 2021-03-01" in why(late)
    assert "until: 'soon' is no date; write 2021-03-31" in why(launch("acknowledge_drift", until="soon", **given))
    assert len(home.ledger.records()) == 1


def test_a_start_repairs_what_a_killed_process_left(home: Home) -> None:
    promote(home, model(home, "a"))
    b = model(home, "b")
    home.ledger.append(promotion(home, b), home.ledger.head())
    open_instance(home).dispose()
    assert in_place(home) == (b, b, b)


def test_a_start_says_what_it_could_not_repair(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    model(home, "a")
    home.ledger.append(promotion(home, "0" * 64), home.ledger.head())
    open_instance(home).dispose()
    assert "the champion of game could not be put in place" in caplog.text


@pytest.fixture(params=["sqlite", "postgresql"])
def promoted(request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch):
    """A home with three champions in a row, each with its kept head, as `parivision ledger` finds it."""
    monkeypatch.setenv("PARIVISION_HOME", str(home.root))
    if request.param == "sqlite":
        yield from with_heads(home)
        return
    url = request.getfixturevalue("postgres").database()
    migrate_database(url)
    monkeypatch.setenv("PARIVISION_DATABASE_URL", url)
    yield from with_heads(home_at(home.root, database_url=url))


def with_heads(home: Home):
    """Keep the second head with an asset only, the others in MLflow."""
    digests = [model(home, name) for name in "abc"]
    promote(home, digests[0])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in configure(home).items():
            patch.setenv(name, value)
        home.ledger.append(promotion(home, digests[1]), home.ledger.head())
        kept = {"ledger_head": str(home.ledger.head())}
        with dg.DagsterInstance.get() as instance:
            instance.report_runless_asset_event(dg.AssetMaterialization("promotion_decisions", metadata=kept))
    promote(home, digests[2])
    yield home


def tampered(home: Home, statement: str) -> str:
    """Return what `parivision ledger verify` says after a statement behind the triggers."""
    with behind_the_triggers(home.settings.ledger_url) as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(CommandError) as refused:
        command.verify(as_json=False)
    return str(refused.value)


def test_verify_names_the_entry(promoted: Home, capsys: pytest.CaptureFixture[str]) -> None:
    command.verify(as_json=False)
    assert "3 entries, chain intact" in capsys.readouterr().out
    assert "entry 2: content does not match" in tampered(
        promoted, "UPDATE ledger SET reason = 'proven Better' WHERE sequence = 2"
    )


def test_verify_misses_no_entry_at_the_end(promoted: Home) -> None:
    assert "entry 3 is missing: the ledger ends at 2" in tampered(promoted, "DELETE FROM ledger WHERE sequence = 3")


def test_verify_knows_the_head_that_only_an_asset_keeps(promoted: Home) -> None:
    """MLflow's heads removed, the asset's remains."""
    for run in promoted.registry.client.search_runs([promoted.registry.experiment_id("parivision")]):
        if "ledger_head" in run.data.tags:
            promoted.registry.client.delete_tag(run.info.run_id, "ledger_head")
    assert "entry 1 is missing: the ledger ends at 0" in tampered(promoted, "DELETE FROM ledger")
