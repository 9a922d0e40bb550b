"""The examples and tables of docs/virtualbets.md, run in their order against a house with the same games."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.bets import create_app
from app.bets.odds import decimal_text
from parivision_assets.core.betting import offered_odds
from parivision_assets.settings import BetsSettings
from parivision_assets_tests.app.bets.house import open_house

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "virtualbets.md").read_text()
EXAMPLE = re.compile(r"^(GET|POST|PUT) (\S+)(?: (\{.*\}))?\n(\d{3}) (\{.*\})$", re.MULTILINE)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    home = open_house(tmp_path / "home")
    with TestClient(create_app(home.settings)) as made:
        yield made


def test_the_examples_answer_what_the_page_says(client: TestClient) -> None:
    blocks = re.findall(r"^```example\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    examples = [found for block in blocks for found in EXAMPLE.findall(block)]
    assert len(examples) == sum(block.count("\n\n") + 1 for block in blocks) == 9
    headers: dict[str, str] = {}
    for number, (method, path, body, status, expected) in enumerate(examples):
        content = {"json": json.loads(body)} if body else {}
        answer = client.request(method, path, headers={**headers, "Idempotency-Key": f"key-{number}"}, **content)
        assert answer.status_code == int(status), (path, answer.text)
        found = answer.json()
        if path == "/v1/accounts":
            headers = {"Authorization": f"Bearer {found['token']}"}
        assert_holds(json.loads(expected), found)


def assert_holds(expected: dict, found: dict) -> None:
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_holds(value, found[name])
        else:
            assert found[name] == pytest.approx(value) if isinstance(value, float) else found[name] == value, name


def test_the_odds_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| (0\.\d\d) \| (\d+\.\d\d) \| (\d+\.\d\d) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for probability, home, away in rows:
        odds = offered_odds(float(probability), BetsSettings().margin)
        assert (decimal_text(odds.home_hundredths), decimal_text(odds.away_hundredths)) == (home, away)


def test_the_balances_are_those_of_the_page(tmp_path: Path) -> None:
    from parivision_assets_tests.stores.bettors import FIRST_DAY, World, game

    rows = re.findall(
        r"^\| on the home team, 1,000\.00 before \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE
    )
    assert len(rows) == 2
    key, late = game().game_key, FIRST_DAY + dt.timedelta(days=3)
    results = {"home wins": {key: True}, "away wins": {key: False}, "none for three days: void": {}}
    for number, (first, before, corrected, after) in enumerate(rows):
        world = World(f"sqlite:///{tmp_path / f'{number}.db'}")
        ann = world.join("Ann", 100_000)
        world.place(ann.player.player_id, 1_000, odds_hundredths=191)
        for result, balance in ((first, before), (corrected, after)):
            world.settle(results[result], today=late)
            assert f"{world.balance(ann) / 100:,.2f}" == balance
