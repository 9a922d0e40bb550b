"""What the API says of itself, and how it goes on when something around it changes or fails."""

import asyncio
import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import httpx
import pytest
from starlette.testclient import TestClient

from app.api import PROBLEMS, create_app
from app.api import service as service_module
from app.api.journal import Journal
from app.api.metrics import Metrics
from app.api.requests import MAX_BATCH
from app.problems import COMMON, Problem
from parivision_assets.settings import ApiSettings, Settings
from parivision_assets.stores.atomic import StoreError
from parivision_assets.stores.home import Home
from parivision_assets.stores.log_writer import LogFullError, LogUnavailableError
from parivision_assets.stores.platform_date import today
from parivision_assets_tests.app.api.server import Server
from parivision_assets_tests.app.api.worker import ROOT
from parivision_assets_tests.served_home import LINEAR, crown, promote
from parivision_assets_tests.stores.test_prediction_log import connection_of

SPOT = {"x_ft": 0, "y_ft": 15}


def until(done) -> None:
    """Wait until something holds; the test's own time limit ends it otherwise."""
    while not done():
        time.sleep(0.02)


def test_ready_says_how_old_the_state_is(client: httpx.Client, server: Server) -> None:
    shown = client.get("/readyz").json()
    date = today(server.service.home)
    assert date is not None
    assert shown["as_of"] == str(date + dt.timedelta(days=1))
    assert shown["state_age_days"] == 0
    assert shown["loaded_s"] >= 0
    assert set(shown["versions"]) == {"shot_pre_release", "shot_post_event", "game", "serving_state"}
    assert shown["problems"] == {}
    assert client.get("/livez").text == "alive\n"


def test_an_empty_home_lives_and_says_what_is_missing(tmp_path) -> None:
    with TestClient(create_app(Settings(home=tmp_path))) as client:
        assert client.get("/livez").status_code == 200
        refused = client.get("/readyz")
        assert refused.status_code == 503
        assert refused.json()["type"] == "/problems#not-ready"
        assert "serving_state" in " ".join(refused.json()["missing"])
        for path, body in (
            ("/v1/shots/predict", SPOT),
            ("/v1/shots/predict-batch", {"shots": [SPOT]}),
            ("/v1/games/predict", {"home_team": "BOS", "away_team": "DEN"}),
        ):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.get("/v1/players").status_code == 503
        assert client.get("/v1/games").json()["games"] == []
        assert len(client.get("/v1/champions").json()["missing"]) == 3


def test_champions_are_the_ledgers_with_their_reasons(client: httpx.Client, server: Server) -> None:
    shown = client.get("/v1/champions").json()
    ledger = server.service.home.ledger
    assert shown["missing"] == []
    for champion in shown["champions"]:
        now = ledger.champion(champion["target"])
        assert now is not None
        assert (champion["model"], champion["decision"]) == (now.model, now.entry.sequence)
        assert (champion["actor"], champion["reason"], champion["kind"]) == ("test", "proven better", "decision")


def test_a_ledger_that_was_set_back_leaves_champions_without_their_entry(start, monkeypatch) -> None:
    server = start()
    ledger = server.service.home.ledger
    records = ledger.records
    monkeypatch.setattr(ledger, "records", lambda *given: records(*given)[:-1])
    shown = httpx.get(f"{server.url}/v1/champions")
    assert shown.status_code == 200
    found = {champion["decision"]: champion for champion in shown.json()["champions"]}
    assert len(found) == 3
    newest = found[max(found)]
    assert newest["model"]
    assert [newest[name] for name in ("since", "kind", "actor", "reason")] == [None] * 4
    assert found[min(found)]["actor"] == "test"


@pytest.mark.parametrize("wanted", ["guard", "GUÁRD", "  01 guard "])
def test_players_are_found_whatever_case_and_accents(client: httpx.Client, wanted: str) -> None:
    found = client.get("/v1/players", params={"q": wanted, "limit": 1_000}).json()["players"]
    assert found
    assert all("Guard" in player["name"] for player in found)


def test_who_begins_so_comes_first_and_nobody_is_no_error(client: httpx.Client) -> None:
    found = client.get("/v1/players", params={"q": "atl", "limit": 3}).json()["players"]
    assert len(found) == 3
    assert found[0]["name"].startswith("ATL")
    assert client.get("/v1/players", params={"q": "nobody at all"}).json() == {"players": []}


def test_teams_are_found_by_code_and_by_name(client: httpx.Client) -> None:
    (boston,) = client.get("/v1/teams", params={"q": "célt"}).json()["teams"]
    assert boston == {"team": "BOS", "names": ["Boston Celtics"], "is_known": True}
    assert client.get("/v1/teams", params={"q": "bos"}).json()["teams"][0]["team"] == "BOS"
    assert len(client.get("/v1/teams").json()["teams"]) == 30


def test_a_promotion_is_followed_without_a_failed_request(start) -> None:
    server = start(refresh_s=0.05)
    home = server.service.home
    before = server.service.predictor.snapshot.champion("shot_pre_release").digest
    failed, seen, stop = [], set(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=server.url) as client:
            while not stop.is_set():
                answer = client.post("/v1/shots/predict", json=SPOT)
                if answer.status_code == 200:
                    seen.add((answer.json()["model"], answer.json()["decision"]))
                else:
                    failed.append(answer.text)

    asking = threading.Thread(target=ask)
    asking.start()
    after = promote(home, "shot_pre_release", LINEAR_AGAIN)
    until(lambda: any(model == after for model, _ in seen))
    stop.set()
    asking.join()
    assert failed == []
    assert {model for model, _ in seen} == {before, after}
    assert len(seen) == 2
    shown = httpx.get(f"{server.url}/metrics").text
    assert f'model="{after}"' in shown
    assert f'model="{before}"' not in shown


LINEAR_AGAIN = type(LINEAR)("logistic_regression", seed=7, n_jobs=1)


def test_a_damaged_bundle_leaves_the_old_champion_and_says_so(start, caplog) -> None:
    server = start(refresh_s=0.05)
    home = server.service.home
    old = server.service.predictor.snapshot.champion("game").digest
    bundle = home.bundles.read_bundle(old)
    new = home.bundles.write_bundle(bundle.files, {**bundle.metadata, "note": "another"})
    crowned = crown(home, "game", new.digest)
    until(lambda: server.service.predictor.snapshot.champion("game").digest == crowned)
    other = home.bundles.write_bundle(bundle.files, {**bundle.metadata, "note": "a third"})
    broken = min(path for path in other.path.rglob("*") if path.is_file() and path.name != "manifest.json")
    sound = broken.read_bytes()
    crown(home, "game", other.digest)
    until(lambda: server.service.predictor.snapshot.champion("game").digest == other.digest)
    server.service.predictor.snapshot.champion("game")
    broken.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    # A service that starts now has nothing sound to serve for games, says so, and answers shots.
    fresh = TestClient(create_app(home.settings))
    with caplog.at_level("ERROR", "parivision.api"), fresh as client:
        said = [client.get("/readyz").text, client.get("/v1/champions").text]
        assert all("the champion of game cannot be served, nothing serves in its place" in words for words in said)
        # Files are named in the log only.
        assert not any(str(home.root) in words for words in said)
        assert "was changed after it was written" in caplog.text
        assert client.post("/v1/games/predict", json={"home_team": "BOS", "away_team": "DEN"}).status_code == 503
        assert client.post("/v1/shots/predict", json=SPOT).status_code == 200


class FailingLog:
    """A log whose appends fail as told."""

    def __init__(self, log, error: Exception, *, at_once: bool) -> None:
        self._log, self._error, self._at_once = log, error, at_once
        self.is_failing = True

    def append(self, entries):
        if not self.is_failing:
            return self._log.append(entries)
        if self._at_once:
            raise self._error
        future: Future[None] = Future()
        future.set_exception(self._error)
        return future


class Choosy:
    """A log that takes at most so many entries at once, or fails with something that nobody foresaw."""

    def __init__(self, most: int, error: Exception | None = None) -> None:
        self.most, self.error = most, error
        self.taken: list[int] = []

    def append(self, entries):
        if self.error is not None:
            raise self.error
        if len(entries) > self.most:
            raise LogFullError("too many")
        self.taken.append(len(entries))
        done: Future[None] = Future()
        done.set_result(None)
        return done


async def _kept_together(log: Choosy, sizes: list[int]) -> list[object]:
    journal = Journal(log)
    async with asyncio.timeout(10):
        return await asyncio.gather(*(journal.keep([None] * size) for size in sizes), return_exceptions=True)


def test_a_batch_that_does_not_fit_refuses_nobody_beside_it() -> None:
    log = Choosy(most=10)
    found = asyncio.run(_kept_together(log, [1, 1_000, 2]))
    assert log.taken == [1, 2]
    assert (found[0], found[2]) == (None, None)
    assert isinstance(found[1], Problem)
    assert found[1].slug == "log-full"


def test_a_defect_in_the_log_reaches_everybody_who_waits() -> None:
    found = asyncio.run(_kept_together(Choosy(10, RuntimeError("a defect")), [1, 1]))
    assert [str(one) for one in found] == ["a defect", "a defect"]


@pytest.mark.parametrize(
    ("error", "at_once", "slug"),
    [
        (LogFullError("10,000 of at most 10,000 rows wait"), True, "log-full"),
        (LogUnavailableError("host db-7: disk is full"), False, "log-unavailable"),
        (LogUnavailableError("closed"), True, "log-unavailable"),
    ],
)
def test_no_answer_without_its_entry_and_it_goes_on_afterwards(start, error, at_once, slug) -> None:
    server = start()
    journal = server.service.opened_journal()
    failing = FailingLog(journal._log, error, at_once=at_once)
    journal._log = failing
    refused = httpx.post(f"{server.url}/v1/shots/predict", json=SPOT)
    assert (refused.status_code, refused.json()["type"]) == (503, f"/problems#{slug}")
    assert int(refused.headers["retry-after"]) > 0
    assert "db-7" not in refused.text
    assert "probability" not in refused.json()
    failing.is_failing = False
    assert httpx.post(f"{server.url}/v1/shots/predict", json=SPOT).status_code == 200


def test_a_full_disk_under_the_log_is_said_and_survived(start) -> None:
    server = start()
    ask = {"json": {"shots": [SPOT] * 500}, "timeout": 60}
    httpx.post(f"{server.url}/v1/shots/predict", json=SPOT)
    raw = connection_of(server.service.home.prediction_log)._open.driver_connection
    # SQLite then says what it says of a full disk.
    raw.execute(f"PRAGMA max_page_count={raw.execute('PRAGMA page_count').fetchone()[0]}")
    refused = httpx.post(f"{server.url}/v1/shots/predict-batch", **ask)
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems#log-unavailable")
    assert httpx.get(f"{server.url}/livez").status_code == 200
    until(lambda: "lost_records_total 500.0" in httpx.get(f"{server.url}/metrics").text)
    # The limit went with the connection that failed.
    assert httpx.post(f"{server.url}/v1/shots/predict-batch", **ask).status_code == 200


def test_metrics_are_as_prometheus_wants_them(client: httpx.Client) -> None:
    client.post("/v1/shots/predict", json=SPOT)
    client.get("/wp-admin/../%2e%2e/etc")
    client.request("BREW", "/v1/games")
    client.post("/v1/shots/predict", content=b"{", headers={"content-type": "application/json"})
    text = client.get("/metrics").text
    for line in (
        'parivision_http_requests_total{method="POST",route="/v1/shots/predict",status="200"}',
        'parivision_http_requests_total{method="POST",route="/v1/shots/predict",status="400"}',
        'parivision_http_requests_total{method="GET",route="elsewhere",status="404"}',
        'parivision_http_request_duration_seconds_bucket{le="0.01",method="POST",route="/v1/shots/predict"}',
        'parivision_prediction_probability_count{target="shot_pre_release"}',
        'parivision_champion_info{decision="',
        "parivision_state_age_seconds 0.0",
        "parivision_prediction_log_queue_rows 0.0",
        "parivision_prediction_log_lost_records_total 0.0",
    ):
        assert line in text
    assert "wp-admin" not in text
    assert "BREW" not in text
    assert "_created" not in text
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    checked = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert checked.stdout + checked.stderr == ""
    assert checked.returncode == 0


def test_every_kind_of_problem_is_described(client: httpx.Client) -> None:
    page = client.get("/problems").text
    for slug in {*COMMON, *PROBLEMS}:
        assert f'id="{slug}"' in page


def test_browsers_of_other_sites_may_not_ask_unless_set(client: httpx.Client, start) -> None:
    origin = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    assert "access-control-allow-origin" not in client.options("/v1/games", headers=origin).headers
    opened = start(cors_origins=("https://elsewhere.example",))
    allowed = httpx.options(f"{opened.url}/v1/games", headers=origin)
    assert allowed.headers["access-control-allow-origin"] == "https://elsewhere.example"
    other = httpx.options(f"{opened.url}/v1/games", headers={**origin, "origin": "https://third.example"})
    assert "access-control-allow-origin" not in other.headers


def test_settings_of_the_service() -> None:
    with pytest.raises(ValueError, match="greater than"):
        ApiSettings(refresh_s=0)
    # A whole batch must fit.
    with pytest.raises(ValueError, match="greater than or equal to 1000"):
        ApiSettings(log_queue_rows=MAX_BATCH - 1)
    assert ApiSettings(log_queue_rows=MAX_BATCH).log_queue_rows == MAX_BATCH


def test_the_gauges_of_a_killed_worker_go(tmp_path) -> None:
    program = (
        "import os; from pathlib import Path; from app.api.metrics import Metrics; "
        f"Metrics(Path({str(tmp_path)!r})).log(7, 3); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=False)
    alive = tmp_path / f"gauge_livesum_{os.getpid()}.db"
    alive.touch()
    metrics = Metrics(tmp_path)
    metrics.forget_dead()
    assert list(tmp_path.glob("gauge_*")) == [alive]
    alive.unlink()
    # What was counted stays counted.
    assert b"parivision_prediction_log_lost_records_total 3.0" in metrics.text()


@pytest.mark.parametrize("part", ["prediction_log", "api_keys", "reports"])
def test_no_file_or_host_is_named_to_strangers(champions: Settings, monkeypatch, caplog, part: str) -> None:
    def fail(_: object) -> None:
        raise StoreError("postgresql://ann@db-7/parivision is away, see /srv/secret")

    monkeypatch.setattr(Home, part, property(fail))
    app = create_app(champions)
    app.state.service.look()
    client = TestClient(app)
    shown = "".join(client.get(path).text for path in ("/readyz", "/v1/champions", "/"))
    shown += client.post("/v1/shots/predict", json=SPOT).text
    assert "db-7" not in shown
    assert "secret" not in shown
    assert "the service's log says why" in shown
    assert "db-7" in caplog.text


def test_probes_are_answered_while_a_store_is_waited_for(champions: Settings, monkeypatch) -> None:
    came_back = threading.Event()
    monkeypatch.setattr(service_module, "FIRST_LOOK_S", 0.01)
    app = create_app(champions)
    refresh = app.state.service.predictor.refresh
    monkeypatch.setattr(app.state.service.predictor, "refresh", lambda: came_back.wait() and refresh())
    with TestClient(app) as client:
        try:
            assert client.get("/livez").status_code == 200
            assert client.get("/readyz").status_code == 503
        finally:
            came_back.set()
        until(lambda: client.get("/readyz").status_code == 200)


def test_a_defect_in_what_is_shown_is_logged_once_and_ends_nothing(champions: Settings, monkeypatch, caplog) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(service_module, "monitored_version", fail)
    service = create_app(champions).state.service
    for _ in range(3):
        service.look()
    assert service.missing() == []
    assert set(service.problems) == {"monitoring"}
    assert caplog.text.count("RuntimeError: a defect") == 1
    monkeypatch.setattr(service_module, "monitored_version", lambda _: ())
    service.look()
    assert service.problems == {}
    service.home.prediction_log.close()
