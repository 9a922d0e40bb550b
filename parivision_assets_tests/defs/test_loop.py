"""The loop's sensors: what is due becomes one run, whatever the daemon forgets and wherever it is killed."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import (
    InProcessTestWorkspaceLoadTarget,
    create_test_daemon_workspace_context,
    instance_for_test,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon import sensor as daemon

from parivision_assets.core.adaptation import Cause, ChallengerHeader, ReportHeader, Situation
from parivision_assets.defs import loop
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")
TARGET = "shot_post_event"
FIRST = dt.date(2024, 1, 1)
STOPPED = dg.DefaultSensorStatus.STOPPED


def days(count: int) -> tuple[dt.date, ...]:
    return tuple(FIRST + dt.timedelta(days=number) for number in range(count))


CHAMPION = ChallengerHeader("champion", FIRST, Cause.FIRST, None, None, is_champion=True)
MOVED = ReportHeader("report1", 2024, days(40)[-1], "concept", retrain=True, since=days(31)[-1])
NOW = Situation(
    TARGET, days(40), None, None, CHAMPION.digest, CHAMPION, MOVED, "concept", None, champion_header=CHAMPION
)


@dataclass
class World:
    """A Dagster storage on disk, opened anew by each tick as by a restarted daemon, and the situation."""

    home: Home
    storage: Path
    now: Situation = NOW
    cursor: str | None = None

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        self.storage.mkdir(exist_ok=True)
        with dg.DagsterInstance.local_temp(str(self.storage)) as found:
            yield found

    def tick(self, sensor: dg.SensorDefinition) -> dg.SensorResult:
        with self.instance() as instance:
            context = dg.build_sensor_context(instance, self.cursor, resources={"home": self.home})
            found: dg.SensorResult = sensor(context)  # type: ignore[assignment]
        self.cursor = found.cursor
        return found

    def launched(self, request: dg.RunRequest, job: str, status: dg.DagsterRunStatus) -> None:
        """Record the run of a request, as the daemon does."""
        with self.instance() as instance:
            instance.add_run(dg.DagsterRun(job, status=status, tags=dict(request.tags)))

    def retrain(self) -> tuple[dg.RunRequest | None, str]:
        found = self.tick(loop.retrain_sensor(TARGET, STOPPED))
        requests = list(found.run_requests or [])
        assert len(requests) <= 1
        return (requests[0] if requests else None), found.skip_reason.skip_message if found.skip_reason else ""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(Home(Settings(home=tmp_path / "home", shots_url="s", seasons=(2024,))), tmp_path / "dagster")
    monkeypatch.setattr(loop, "situation", lambda _home, target: replace(made.now, target=target))
    return made


def test_a_retraining_says_what_caused_it_and_configures_the_challenger(world: World) -> None:
    request, _ = world.retrain()
    assert request is not None
    assert request.run_key == f"{TARGET}/concept/report1"
    assert request.run_config["ops"] == {
        f"{TARGET}_challenger": {
            "config": {"until": "2024-02-09", "change_date": "2024-01-31", "cause": "concept", "report": "report1"}
        }
    }
    assert request.tags["parivision/loop_key"] == request.run_key


def test_the_challenger_takes_that_config() -> None:
    from parivision_assets.defs.training_plan import ChallengerConfig

    assert {"until", "change_date", "cause", "report"} <= set(ChallengerConfig.model_fields)


def test_nothing_due_launches_nothing(world: World) -> None:
    world.now = replace(NOW, report=None, verdict_now="none", game_days=days(20))
    assert world.retrain() == (None, "no retraining is due")


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS]
)
def test_a_report_never_launches_two(world: World, status: dg.DagsterRunStatus, *, forget: bool) -> None:
    request, _ = world.retrain()
    assert request is not None
    world.launched(request, f"retrain_{TARGET}", status)
    if forget:
        world.cursor = None
    again, reason = world.retrain()
    assert again is None
    assert "under way" in reason or "answered it" in reason


def test_a_tick_killed_before_launching_is_made_up_for_with_the_same_key(world: World) -> None:
    first, _ = world.retrain()
    second, _ = world.retrain()
    assert first is not None
    assert second is not None
    assert first.run_key == second.run_key


def test_two_targets_do_not_wait_for_each_other(world: World) -> None:
    request, _ = world.retrain()
    assert request is not None
    world.launched(request, "retrain_game", dg.DagsterRunStatus.STARTED)
    with world.instance() as instance:
        assert instance.get_runs(dg.RunsFilter(job_name="retrain_game"))
    other = loop.retrain_sensor("shot_pre_release", STOPPED)
    assert world.tick(other).run_requests


def test_a_retraining_by_hand_is_waited_for(world: World) -> None:
    world.launched(dg.RunRequest(), f"retrain_{TARGET}", dg.DagsterRunStatus.STARTED)
    assert "of this target is under way" in world.retrain()[1]


def test_a_failed_retraining_waits_for_new_games_and_has_then_a_key_of_its_own(world: World) -> None:
    request, _ = world.retrain()
    assert request is not None
    world.launched(request, f"retrain_{TARGET}", dg.DagsterRunStatus.FAILURE)
    world.now = replace(NOW, game_days=days(49))
    waiting, reason = world.retrain()
    assert waiting is None
    assert "failed on games until 2024-02-09" in reason
    world.now = replace(NOW, game_days=days(50), report=MOVED)
    again, _ = world.retrain()
    assert again is not None
    assert again.run_key == f"{request.run_key}@2024-02-19"
    world.launched(again, f"retrain_{TARGET}", dg.DagsterRunStatus.SUCCESS)
    assert "answered it" in world.retrain()[1]


def test_a_rejected_challenger_is_not_made_again_on_the_same_games(world: World) -> None:
    rejected = ChallengerHeader("rejected", NOW.today, Cause.CONCEPT, MOVED.since, "report1", is_champion=False)
    world.now = replace(NOW, challenger=rejected)
    assert world.retrain()[0] is None
    newer = replace(MOVED, digest="report2", last_date=days(45)[-1])
    world.now = replace(world.now, report=newer, game_days=days(45))
    assert world.retrain()[0] is None
    world.now = replace(world.now, game_days=days(70), report=replace(newer, last_date=days(70)[-1]))
    assert world.retrain()[0] is not None


def test_a_report_that_is_due_comes_first_but_is_not_waited_for_twice(world: World) -> None:
    world.now = replace(NOW, report=replace(MOVED, last_date=days(39)[-1], verdict="none"))
    request, reason = world.retrain()
    assert request is None
    assert "a drift report comes first: the daily monitoring says concept" in reason
    asked = dg.RunRequest(tags={loop.KEY_TAG: f"{TARGET}/report/2024-02-09"})
    world.launched(asked, "__ASSET_JOB", dg.DagsterRunStatus.FAILURE)
    assert world.retrain()[0] is not None


@dataclass(frozen=True)
class Tables:
    """As much of the table store as the sensors ask for: one season with one content."""

    content: str

    def partitions(self, _table: str) -> list[str]:
        return ["2023", "2024"]

    def version(self, _table: str, _season: str) -> Any:
        return type("Version", (), {"digest": self.content})


@dataclass(frozen=True)
class Stores:
    """A home with such tables."""

    settings: Settings
    tables: Tables


def test_a_report_is_asked_for_once_per_last_game_day(world: World) -> None:
    world.now = replace(NOW, report=None)
    stores: Any = Stores(world.home.settings, Tables("content"))
    with world.instance() as instance:
        request = loop.report_request(instance, stores, TARGET)
        assert request is not None
        assert request.partition_key == "2024"
        assert [key.to_user_string() for key in request.asset_selection or []] == [f"{TARGET}_drift_report"]
        instance.add_run(dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.FAILURE, tags=dict(request.tags)))
        assert loop.report_request(instance, stores, TARGET) is None
        world.now = replace(world.now, game_days=days(41))
        assert loop.report_request(instance, stores, TARGET) is not None


def test_the_gate_looks_once_per_content_at_a_challenger_in_shadow(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: ChallengerHeader | None = None
    monkeypatch.setattr(loop, "shadow", lambda _home, _target: waiting)

    def look(content: str) -> dg.RunRequest | None:
        stores: Any = Stores(world.home.settings, Tables(content))
        with world.instance() as instance:
            request = loop.look_request(instance, stores, TARGET)
            if request is not None:
                tags = dict(request.tags)
                instance.add_run(dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.SUCCESS, tags=tags))
            return request

    assert look("day 1") is None
    waiting = replace(CHAMPION, digest="waiting", is_champion=False)
    first = look("day 1")
    assert first is not None
    assert dg.AssetKey(f"{TARGET}_champion") in (first.asset_selection or [])
    assert look("day 1") is None
    assert look("day 2") is not None


class KilledError(BaseException):
    """A daemon that is gone: nothing of its own catches it."""


Daemon = Callable[[], list[dg.DagsterRun]]


@pytest.fixture
def live(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Daemon:
    """Return one iteration of Dagster's own sensor daemon, started afresh each time on the same storage."""
    for name, value in (("HOME", str(world.home.root)), ("SHOTS_URL", "s"), ("SEASONS", "2024")):
        monkeypatch.setenv(f"PARIVISION_{name}", value)
    # The minute between two ticks is the daemon's own business.
    monkeypatch.setattr(daemon, "is_under_min_interval", lambda *_: False)
    storage = tmp_path / "daemon"
    storage.mkdir()
    overrides = {"run_coordinator": {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}}
    module = "parivision_assets_tests.defs.loop_location"
    origin = LoadableTargetOrigin(executable_path=None, module_name=module, attribute="defs")
    target = InProcessTestWorkspaceLoadTarget(InProcessCodeLocationOrigin(origin, location_name="tests"))

    def iterate() -> list[dg.DagsterRun]:
        with (
            instance_for_test(overrides=overrides, temp_dir=str(storage)) as instance,
            create_test_daemon_workspace_context(target, instance) as workspace,
        ):
            list(daemon.execute_sensor_iteration(workspace, logging.getLogger("daemon"), None, None))
            return list(instance.get_runs())

    return iterate


def test_the_real_daemon_launches_one_retraining_and_a_restarted_one_no_second(live: Daemon) -> None:
    (run,) = live()
    assert run.job_name == f"retrain_{TARGET}"
    assert run.tags["dagster/run_key"] == f"{TARGET}/concept/report1"
    assert run.status == dg.DagsterRunStatus.QUEUED
    assert [found.run_id for found in live()] == [run.run_id]


@pytest.mark.parametrize("step", ["create_run", "submit_run"])
def test_a_daemon_killed_between_decision_and_launch_launches_once_when_restarted(
    live: Daemon, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as killed:

        def die(*_args: Any, **_more: Any) -> None:
            raise KilledError

        killed.setattr(dg.DagsterInstance, step, die)
        with pytest.raises(KilledError):
            live()
    (run,) = live()
    assert run.status == dg.DagsterRunStatus.QUEUED
    assert [found.run_id for found in live()] == [run.run_id]
