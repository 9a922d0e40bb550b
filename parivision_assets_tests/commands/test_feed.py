"""`parivision feed`: everything is scored once and before it is published, whatever is killed or away meanwhile."""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import polars as pl
import pytest

from parivision_assets.commands import feed as feed_command
from parivision_assets.commands import feed_scoring
from parivision_assets.commands.console import steps
from parivision_assets.commands.feed import coming_days, day_shots, live
from parivision_assets.commands.feed_scoring import LivedDay, Scorer
from parivision_assets.defs.feed import Seen, take
from parivision_assets.errors import CommandError
from parivision_assets.settings import BetsSettings, LeagueSettings, Settings
from parivision_assets.sources.feed import HttpFeed
from parivision_assets.sources.publication import Publication, open_publication
from parivision_assets.stores.home import Home
from parivision_assets.stores.locks import home_lock
from parivision_assets_tests.feed_services import STARTS_AFTER, Addresses, both, held_back
from parivision_assets_tests.small_platform import TO_FEATURES, SmallPlatform, environment, platform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SmallPlatform:
    return held_back(tmp_path_factory.mktemp("held_back"))


@pytest.fixture
def small(template: SmallPlatform, tmp_path: Path) -> SmallPlatform:
    shutil.copytree(template.settings.home, tmp_path / "home")
    return platform(tmp_path / "home", template.published, bets=template.settings.bets)


@pytest.fixture
def services(small: SmallPlatform) -> Iterator[Addresses]:
    with both(small) as addresses:
        yield addresses


@pytest.fixture
def feed(small: SmallPlatform) -> Publication:
    return open_publication(small.settings.feed_plan())


def lived(
    small: SmallPlatform, feed: Publication, at: Addresses, days: int, speed: float = 0, *, wait: bool = False
) -> list[LivedDay]:
    coming = coming_days(small.home, feed)[:days]
    with httpx.Client(base_url=at.api, timeout=30) as api:
        return list(live(small.home, feed, coming, api, at.bets, speed, wait=wait))


def logged(small: SmallPlatform, first: dt.date = STARTS_AFTER) -> pl.DataFrame:
    return small.home.prediction_log.events(first)


def command(small: SmallPlatform, at: Addresses, *more: str) -> list[str]:
    program = "from parivision_assets.cli import main; main()"
    return [sys.executable, "-c", program, "feed", "--api", at.api, "--bets", at.bets, *more]


def variables(small: SmallPlatform) -> dict[str, str]:
    bets = small.settings.bets
    own = {"PARIVISION_BETS_FEED_URL": str(bets.feed_url), "PARIVISION_BETS_FEED_PUBLISHED_UNTIL": str(STARTS_AFTER)}
    return {**os.environ, **environment(small), **own}


def events_of(feed: Publication, days: list[dt.date]) -> set[str]:
    shots = {str(shot.question.event.key) for day in days for shot in day_shots(feed, day) if shot.question.event}
    return shots | set(feed.games.filter(pl.col("game_date").is_in(days))["game_key"])


def test_every_event_is_scored_once_and_published_after(small, services, feed):
    days = coming_days(small.home, feed)[:2]
    found = lived(small, feed, services, 2)
    log = logged(small)
    assert sorted(log["event"]) == sorted(events_of(feed, days))
    assert [(day.day, day.before, day.refused) for day in found] == [(day, 0, []) for day in days]
    assert sum(day.shots + day.games for day in found) == log.height
    assert set(log["target"]) == {"shot_pre_release", "game"}
    assert small.home.feed_positions.published_until(feed.name) == days[-1]
    offered = {offer.day for offer in HttpFeed(services.bets).offers()}
    assert offered == set(days)


def test_no_outcome_is_sent(small, services, feed, monkeypatch):
    day = coming_days(small.home, feed)[0]
    sent: list[bytes] = []
    real = httpx.Client.post
    monkeypatch.setattr(
        httpx.Client, "post", lambda self, path, **kw: sent.append(kw["content"]) or real(self, path, **kw)
    )
    lived(small, feed, services, 1)
    shots = [shot for body in sent for shot in json.loads(body).get("shots", [])]
    games = [body for body in sent if b"home_team" in body and b"shots" not in body]
    assert len(shots) == len(day_shots(feed, day))
    assert not {name for shot in shots for name in shot} & {"is_made", "made", "outcome"}
    assert {shot["action_type"] for shot in shots} == {None}
    assert games
    assert all(b"pts" not in body for body in games)


def test_what_was_scored_meets_its_outcome_once_the_day_has_landed(small, services, feed):
    [day] = lived(small, feed, services, 1)
    published = HttpFeed(services.bets)
    requests = list(take(small.home, published, published.offers(), Seen({})))
    assert [request.partition_key for request in requests] == ["2023"]
    results = small.run(f"{TO_FEATURES} or key:served_predictions or key:logged_predictions or key:prediction_outcomes",
                        ["2023"])  # fmt: skip
    assert all(result.succeeded for result in results), [result.problems for result in results]
    joined = small.home.tables.read("prediction_outcomes", "2023").filter(pl.col("role") == "answered")
    assert joined.height == day.shots + day.games
    # Two shots of one player in one second may contradict each other; everything else is scored.
    assert set(joined["state"]) <= {"scored", "contradictory"}
    assert (joined["state"] == "scored").mean() > 0.98
    assert joined.filter(pl.col("state") == "scored")["outcome"].null_count() == 0


def test_a_day_that_was_half_scored_is_finished_and_nothing_twice(small, services, feed, monkeypatch):
    day = coming_days(small.home, feed)[0]
    shots, games = day_shots(feed, day), feed.games.filter(pl.col("game_date") == day)
    with httpx.Client(base_url=services.api) as api, steps(1) as say:
        Scorer(small.home, api, 0, say).score(day, shots[: len(shots) // 2], games)
    [found] = lived(small, feed, services, 1)
    assert found.before == len(shots) // 2 + games.height
    assert (found.shots, found.games) == (len(shots) - len(shots) // 2, 0)
    assert sorted(logged(small)["event"]) == sorted(events_of(feed, [day]))


def test_a_killed_run_goes_on_where_it_was(small, services, feed):
    days = coming_days(small.home, feed)[:2]
    shots = len(day_shots(feed, days[0]))
    killed = 0
    for enough in (shots // 4, shots // 2, shots + shots // 4):
        child = subprocess.Popen(
            command(small, services, "--speed", "300", "--no-wait", "--days", "2"), env=variables(small)
        )
        while child.poll() is None and logged(small).height < enough:
            time.sleep(0.05)
        if child.poll() is None:
            killed += 1
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        published = small.home.feed_positions.published_until(feed.name) or STARTS_AFTER
        scored = set(logged(small)["event"])
        assert events_of(feed, [day for day in days if day <= published]) <= scored
    assert killed == 3
    left = len([day for day in days if day in coming_days(small.home, feed)])
    done = subprocess.run(
        command(small, services, "--speed", "0", "--no-wait", "--days", str(left), "--json"),
        env=variables(small), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [day["day"] for day in json.loads(done.stdout)["days"]] == [str(day) for day in days[-left:]]
    assert sorted(logged(small)["event"]) == sorted(events_of(feed, days))


def test_games_are_played_at_the_speed_that_was_asked_for(monkeypatch, small, feed):
    """Shots are never sent before their time, and in order."""
    shots = day_shots(feed, coming_days(small.home, feed)[0])
    clock = [0.0]
    monkeypatch.setattr(feed_scoring.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(feed_scoring.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    with httpx.Client() as nobody, steps(1) as say:
        scorer = Scorer(small.home, nobody, 600, say)
        sent = [(clock[0], shot) for batch in scorer._as_played(shots) for shot in batch]
    assert [shot for _, shot in sent] == shots
    waited = [when * 600 - (shot.elapsed_s - shots[0].elapsed_s) for when, shot in sent]
    assert min(waited) >= 0
    assert max(waited) <= 600 * feed_scoring.TICK_S


def test_it_waits_until_the_platform_knows_a_day(small, services, feed, monkeypatch):
    monkeypatch.setattr(feed_command, "KNOWN_WITHIN_S", 0.1)
    monkeypatch.setattr(feed_command, "POLL_S", 0.05)
    day = coming_days(small.home, feed)[0]
    with pytest.raises(CommandError, match=rf"{day} is published and the API still knows games before"):
        lived(small, feed, services, 2, wait=True)
    # The first day was scored and published, the second one not begun.
    assert sorted(logged(small)["event"]) == sorted(events_of(feed, [day]))
    assert small.home.feed_positions.published_until(feed.name) == day


def test_an_api_that_starts_again_while_a_day_is_waited_for_is_waited_for(monkeypatch):
    monkeypatch.setattr(feed_command, "AGAIN_S", 0.0)
    monkeypatch.setattr(feed_command, "POLL_S", 0.0)
    day = dt.date(2022, 11, 1)
    waiting = iter([httpx.ConnectError("refused"), 503, str(day), httpx.ReadError("reset"), "2022-11-02"])
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        found = next(waiting)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(503) if found == 503 else httpx.Response(200, json={"as_of": found})

    with httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)) as api, steps(1) as say:
        feed_command._until_known(api, day, say)
    assert asked == ["/readyz"] * 5
    monkeypatch.setattr(feed_command, "AWAY_S", 0.0)
    waiting = iter([503])
    with (
        httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer)) as api,
        steps(1) as say,
        pytest.raises(CommandError, match="is not ready"),
    ):
        feed_command._until_known(api, day, say)


def test_an_api_that_is_away_is_said_before_anything_is_published(small, services, feed, monkeypatch):
    monkeypatch.setattr(feed_scoring, "AWAY_S", 0.1)
    monkeypatch.setattr(feed_scoring, "AGAIN_S", 0.01)
    nowhere = Addresses("http://127.0.0.1:9", services.bets)
    with pytest.raises(CommandError, match=r"127\.0\.0\.1:9 is not ready.*make up"):
        lived(small, feed, nowhere, 1)
    day = coming_days(small.home, feed)[0]
    with httpx.Client(base_url=nowhere.api) as api, steps(1) as say, pytest.raises(CommandError, match="goes on here"):
        Scorer(small.home, api, 0, say).score(day, day_shots(feed, day), feed.games.head(0))
    assert small.home.feed_positions.published_until(feed.name) is None


def test_virtualbets_of_another_home_is_said(small, services, feed, tmp_path, template):
    shutil.copytree(template.settings.home, tmp_path / "other")
    other = platform(tmp_path / "other", template.published, bets=template.settings.bets)
    with both(other) as elsewhere, pytest.raises(CommandError, match="does not offer it"):
        lived(small, feed, Addresses(services.api, elsewhere.bets), 1)


def test_a_shot_that_the_api_refuses_is_left_out_and_named(small, services, feed, monkeypatch):
    day = coming_days(small.home, feed)[0]
    shots = day_shots(feed, day)
    broken = [replace(shot, question=replace(shot.question, x_ft=99.0)) if n in {3, 40} else shot
              for n, shot in enumerate(shots)]  # fmt: skip
    with httpx.Client(base_url=services.api) as api, steps(1) as say:
        found = Scorer(small.home, api, 0, say).score(day, broken, feed.games.head(0))
    assert found.refused == [shots[n].question.event.key for n in (3, 40)]
    assert found.shots == len(shots) - 2


def test_two_runs_at_once_are_refused(small, services):
    with home_lock(small.home.root / "feed", "feed"):
        done = subprocess.run(
            command(small, services, "--no-wait"), env=variables(small), capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert "in use by 'parivision feed'" in done.stderr


def test_a_feed_that_holds_nothing_back_says_what_to_set(tmp_path: Path) -> None:
    whole = Settings(home=tmp_path, league=LeagueSettings(size="small", seasons=2))
    with pytest.raises(CommandError, match="PARIVISION_BETS_FEED_PUBLISHED_UNTIL"):
        coming_days(Home(whole), open_publication(whole.feed_plan()))
    over = whole.model_copy(update={"bets": BetsSettings(feed_published_until=dt.date(2030, 1, 1))})
    assert coming_days(Home(over), open_publication(over.feed_plan())) == []
