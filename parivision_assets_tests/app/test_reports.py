"""The pages of the drift reports: what they list and say, and how they look in a real browser without a network."""

import datetime as dt
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from app.reports import create_app
from parivision_assets.core.drift import Attribution, ColumnHarm, ColumnShift, DriftSummary, InputAnswer
from parivision_assets.pictures import drift_png
from parivision_assets.quality.drift_reports import classification, data_drift
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets.stores.reports import StoredReport
from parivision_assets_tests.browser import Watched, chromium, watched
from parivision_assets_tests.quality.test_drift_reports import FEATURES, rows
from parivision_assets_tests.stores.test_reports import summary

__all__ = ["chromium"]

COLUMNS = tuple(ColumnHarm(name, harm) for name, harm in (("bucket", 0.0051), ("zone", 0.0043), ("is_home", -0.0002)))


def eventful() -> DriftSummary:
    """A summary with everything that a page can show, and long words."""
    plain = summary("shot_pre_release", dt.date(2022, 2, 1), retrain=True)
    shift = ColumnShift("arena_action_skill_of_the_shooter", 0.013, 0.006, moved=True, detail="share of 3 +6.0%")
    return replace(
        plain,
        input=InputAnswer(moved=True, columns=(shift,), reason="moved beyond chance: points_value (share of 3 +6.0%)"),
        relation=replace(plain.relation, columns=COLUMNS, reason="the relation has moved since about 2022-01-15"),
        attribution=Attribution(0.6502, 0.6561, 0.0059, 0.0011, 0.0004, 0.0051, 0.0004, COLUMNS),
        reason="the relation has moved since about 2022-01-15: re-learning bucket would have saved 0.0051 nats",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def kept(home: Home) -> StoredReport:
    drift = data_drift(rows(1), rows(2, shift=2.0), FEATURES, "shot_pre_release: data drift")
    quality = classification(rows(1), rows(2), "label", "shot_pre_release: classification quality")
    no_days = drift_days()
    files = {
        "data_drift.html": drift.html, "data_drift.json": drift.figures, "classification.html": quality.html,
        "classification.json": quality.figures, "picture.png": drift_png(eventful(), no_days),
    }  # fmt: skip
    words = {"data drift": "the window has 0 rows", "classification": "no prediction has an outcome yet"}
    home.reports.keep(summary("game", dt.date(2022, 1, 1)), 2022, {}, skipped=words)
    return home.reports.keep(eventful(), 2022, files, notes=("5,000 rows were shown.",), run_id="run-1")


def drift_days():
    import polars as pl

    days = [dt.date(2022, 1, 1) + dt.timedelta(days=number) for number in range(32)]
    return pl.DataFrame({"day": days, "residual": [0.001 * n for n in range(32)], "half_width_95": [0.01] * 32})


@pytest.fixture(scope="module")
def client(home: Home, kept: StoredReport) -> TestClient:
    return TestClient(create_app(home.settings), raise_server_exceptions=False)


def test_the_list_is_newest_first_with_verdict_window_and_reason(client: TestClient, kept: StoredReport) -> None:
    page = client.get("/").text
    assert page.index("2022-02-01") < page.index("2022-01-01</a>")
    assert "input and concept" in page
    assert "severity major; retrain" in page
    assert "no drift" in page
    assert kept.champion[:12] in page
    assert "Synthetic league, invented players" in page


def test_the_list_is_filtered_by_target(client: TestClient) -> None:
    page = client.get("/", params={"target": "game"}).text
    assert "1 report of game" in page
    assert "input and concept" not in page
    assert client.get("/", params={"target": "dunks"}).status_code == 404


def test_without_reports_the_page_says_what_makes_one(tmp_path: Path) -> None:
    page = TestClient(create_app(Settings(home=tmp_path))).get("/", params={"target": "game"}).text
    assert "There is no drift report of game yet." in page
    assert "parivision drift --target game --from DATE --to DATE" in page
    assert list(tmp_path.iterdir()) == []


def test_a_report_has_its_answers_attribution_and_files(client: TestClient, kept: StoredReport) -> None:
    page = client.get(f"/reports/{kept.digest}").text
    for words in ("Has the relation moved? Yes", "Is the data broken? No", "0.6502", "+0.0051", "run-1", "5,000 rows"):
        assert words in page
    figures = client.get(f"/reports/{kept.digest}/summary.json")
    assert figures.headers["content-type"] == "application/json"
    assert DriftSummary.from_dict(figures.json()) == eventful()


def test_a_part_that_was_not_made_says_why(client: TestClient, home: Home) -> None:
    quiet = home.reports.newest("game")
    assert quiet is not None
    page = client.get(f"/reports/{quiet.digest}").text
    assert "Classification quality: not made, because no prediction has an outcome yet." in page
    assert "Nothing to attribute" in page


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere", "There is no such page here."),
        ("/reports/" + "0" * 64, "There is no such report"),
        ("/reports/../../etc/passwd", "There is no such"),
    ],
)
def test_what_is_not_there_is_said_in_words(client: TestClient, path: str, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert words in answer.text
    assert "All drift reports" in answer.text


def test_a_file_that_a_report_does_not_have(client: TestClient, kept: StoredReport) -> None:
    answer = client.get(f"/reports/{kept.digest}/model.json")
    assert answer.status_code == 404
    assert "has no file &#39;model.json&#39;" in answer.text


def test_a_changed_file_is_not_shown(client: TestClient, home: Home) -> None:
    altered = home.reports.keep(summary("game", dt.date(2021, 12, 1)), 2022, {"picture.png": b"png"})
    (home.reports.folder(altered.digest) / "picture.png").write_bytes(b"other")
    answer = client.get(f"/reports/{altered.digest}")
    assert answer.status_code == 500
    assert "was changed after it was written" in answer.text


def test_every_answer_forbids_the_network(client: TestClient, kept: StoredReport) -> None:
    for path in ("/", "/nowhere", "/style.css", f"/reports/{kept.digest}"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
    framed = client.get(f"/reports/{kept.digest}/data_drift.html").headers["content-security-policy"]
    assert framed.startswith("sandbox allow-scripts; default-src 'none'")


def test_it_says_that_it_is_alive(client: TestClient) -> None:
    assert client.get("/livez").text == "alive\n"


@pytest.fixture(scope="module")
def address(home: Home, kept: StoredReport) -> Iterator[str]:
    """Return where the pages are served on this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(home.settings), port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def fits(found: Watched) -> bool:
    """Return whether the page is no wider than the window."""
    return bool(found.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("width", [1200, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_desk_and_a_phone(chromium, address, kept, tmp_path, width, scheme):
    for name, path in (("list", "/"), ("report", f"/reports/{kept.digest}"), ("error", "/reports/0")):
        with watched(chromium, width, scheme) as found:
            found.page.goto(address + path)
            assert fits(found), name
            assert found.refused == []
            assert [text for text in found.problems if "404" not in text] == []
            background = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
            found.page.screenshot(path=tmp_path / f"{name}_{width}_{scheme}.png", full_page=True)


def test_evidentlys_page_opens_inside_the_reports_page(chromium, address, kept):
    with watched(chromium) as found:
        found.page.goto(f"{address}/reports/{kept.digest}")
        picture = found.page.locator("img.picture")
        assert picture.evaluate("image => image.complete && image.naturalWidth") > 500
        found.page.get_by_text("Data drift, column by column").click()
        inside = found.page.frame_locator("iframe").first
        inside.locator("table").first.wait_for(state="visible", timeout=60_000)
        assert (found.refused, found.problems) == ([], [])


def test_everything_is_reached_by_keyboard(chromium, address, kept):
    with watched(chromium) as found:
        found.page.goto(address)
        found.page.keyboard.press("Tab")
        assert found.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        for _ in range(6):
            found.page.keyboard.press("Tab")
        found.page.keyboard.press("Enter")
        found.page.wait_for_url(f"**/reports/{kept.digest}")
        found.page.get_by_text("Data drift, column by column").focus()
        found.page.keyboard.press("Enter")
        assert found.page.locator("details").first.get_attribute("open") is not None


def test_a_report_prints_without_what_only_a_screen_shows(chromium, address, kept, tmp_path):
    with watched(chromium, scheme="dark") as found:
        found.page.goto(f"{address}/reports/{kept.digest}")
        found.page.emulate_media(media="print")
        assert not found.page.locator("iframe").first.is_visible()
        assert not found.page.locator("details").first.is_visible()
        assert found.page.locator("img.picture").is_visible()
        assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        pdf = found.page.pdf(path=tmp_path / "report.pdf", format="A4")
        assert pdf.startswith(b"%PDF")
        assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 4
