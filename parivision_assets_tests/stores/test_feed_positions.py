"""Positions of the feed: nothing twice and nothing lost for a consumer, whoever asks at once and whatever is killed."""

import datetime as dt
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.stores import feed_positions
from parivision_assets.stores.feed_positions import FeedPositions
from parivision_assets_tests.stores.crash import kill_at_every_step

DAY = dt.date(2024, 4, 2)
READER = """
import json, sys
from parivision_assets.stores.feed_positions import FeedPositions
store = FeedPositions(sys.argv[1])
print(json.dumps([number for _ in range(15) for number in store.take("feed", "same", 4, 10_000)]))
"""


@pytest.fixture
def store(tmp_path: Path) -> FeedPositions:
    return FeedPositions(tmp_path / "feed")


def test_consumers_read_on_where_they_were_and_start_again_at_the_end(store: FeedPositions, tmp_path: Path) -> None:
    assert store.take("feed", "a", 4, 10) == range(4)
    assert store.take("feed", "b", 3, 10) == range(3)
    again = FeedPositions(tmp_path / "feed")
    assert again.take("feed", "a", 4, 10) == range(4, 8)
    assert again.take("feed", "a", 4, 10) == range(8, 10)
    assert again.take("feed", "a", 4, 10) == range(4)
    assert again.take("feed", "b", 7, 10) == range(3, 10)
    assert again.take("feed", "b", 1, 10) == range(1)


def test_a_reset_is_one_consumers_own(store: FeedPositions) -> None:
    store.take("feed", "a", 4, 10)
    store.take("feed", "b", 4, 10)
    store.reset("feed", "a")
    store.reset("feed", "never seen")
    assert store.take("feed", "a", 4, 10) == range(4)
    assert store.take("feed", "b", 4, 10) == range(4, 8)


def test_another_feed_starts_from_its_beginning(store: FeedPositions) -> None:
    store.take("feed", "a", 4, 10)
    store.publish("feed", DAY)
    assert store.published_until("other") is None
    assert store.take("other", "a", 4, 10) == range(4)


def test_an_empty_feed_gives_nothing_and_a_shorter_one_no_more_than_it_has(store: FeedPositions) -> None:
    assert store.take("feed", "a", 4, 0) == range(0)
    store.take("feed", "a", 8, 10)
    assert store.take("feed", "a", 4, 5) == range(5, 5)
    assert store.take("feed", "a", 4, 5) == range(4)


def test_publishing_only_moves_on(store: FeedPositions) -> None:
    assert store.published_until("feed") is None
    assert store.publish("feed", DAY)
    assert not store.publish("feed", DAY)
    assert not store.publish("feed", DAY - dt.timedelta(days=1))
    assert store.published_until("feed") == DAY
    assert store.publish("feed", DAY + dt.timedelta(days=3))
    assert store.published_until("feed") == DAY + dt.timedelta(days=3)


def test_a_consumers_name_is_not_kept(store: FeedPositions, tmp_path: Path) -> None:
    store.take("feed", "192.0.2.77", 4, 10)
    assert b"192.0.2.77" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_consumer_that_was_away_longest_is_forgotten(store: FeedPositions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_positions, "MAX_CONSUMERS", 3)
    for name in ("a", "b", "c", "a", "d"):
        store.take("feed", name, 1, 10)
    assert store.take("feed", "a", 1, 10) == range(2, 3)
    assert store.take("feed", "b", 1, 10) == range(1)


@settings(max_examples=50, deadline=None)
@given(available=st.integers(1, 30), counts=st.lists(st.integers(1, 40), min_size=1, max_size=15))
def test_rounds_hold_every_record_once(tmp_path_factory: pytest.TempPathFactory, available: int, counts: list) -> None:
    store = FeedPositions(tmp_path_factory.mktemp("feed"))
    taken = [number for count in counts for number in store.take("feed", "a", count, available)]
    assert taken == [place % available for place in range(len(taken))]


def test_concurrent_readers_of_one_consumer_share_out_the_records(store: FeedPositions) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.take("feed", "same", 3, 10_000), range(60)))
    assert Counter(number for part in taken for number in part) == Counter(range(180))


def test_concurrent_processes_share_out_the_records(tmp_path: Path) -> None:
    command = [sys.executable, "-c", READER, str(tmp_path / "feed")]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    taken = [number for child in children for number in json.loads(child.communicate(timeout=60)[0])]
    assert sorted(taken) == list(range(180))


def test_a_kill_leaves_the_old_position_or_the_new(tmp_path: Path) -> None:
    template = tmp_path / "template"
    before = FeedPositions(template)
    before.take("feed", "a", 4, 10)
    before.publish("feed", DAY)
    imports = "import datetime as dt\nfrom parivision_assets.stores.feed_positions import FeedPositions"
    action = """
    store = FeedPositions(root)
    store.publish("feed", dt.date(2024, 4, 3))
    store.take("feed", "a", 4, 10)
    """
    states = set()
    for root in kill_at_every_step(imports, action, template, tmp_path / "killed"):
        left = FeedPositions(root)
        states.add((left.published_until("feed"), left.take("feed", "a", 1, 10).start))
    later = DAY + dt.timedelta(days=1)
    assert states == {(DAY, 4), (later, 4), (later, 8)}
