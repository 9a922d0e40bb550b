"""Served predictions: first write wins, nothing is ever overwritten, and a kill leaves all of a day or nothing."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.core.monitoring_tables import SERVED_PREDICTIONS
from parivision_assets.stores.atomic import StoreDamagedError
from parivision_assets.stores.served_predictions import ServedPredictions, prediction_ids
from parivision_assets_tests.stores.crash import kill_at_every_step

DAY = dt.date(2024, 1, 5)
TARGET, MODEL = "shot_pre_release", "a" * 64


def day_of(events: int, probability: float = 0.5, day: dt.date = DAY, game: str = "7") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event": [f"{game}/{number}" for number in range(1, events + 1)],
            "game": [game] * events,
            "as_of": [day - dt.timedelta(days=1)] * events,
            "probability": [probability] * events,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> ServedPredictions:
    return ServedPredictions(tmp_path / "served")


def test_what_is_recorded_is_read_back_by_date_and_role(store: ServedPredictions) -> None:
    later = DAY + dt.timedelta(days=2)
    assert store.record(TARGET, DAY, "champion", MODEL, day_of(3))
    assert store.record(TARGET, DAY, "challenger", "b" * 64, day_of(3, 0.25))
    assert store.record(TARGET, later, "champion", MODEL, day_of(2, 0.75, later, "8"))
    everything = store.read(TARGET)
    assert everything.schema == SERVED_PREDICTIONS.schema
    assert SERVED_PREDICTIONS.violations(everything) == {}
    assert everything["game_date"].to_list() == [DAY] * 6 + [later] * 2
    assert store.read(TARGET, first=later)["probability"].to_list() == [0.75, 0.75]
    assert store.read(TARGET, last=DAY, roles=["challenger"])["model"].unique().to_list() == ["b" * 64]
    assert store.days(TARGET, MODEL) == [DAY, later]
    assert store.models(TARGET) == [MODEL, "b" * 64]


def test_nothing_served_is_an_empty_table(store: ServedPredictions) -> None:
    assert store.read(TARGET).schema == SERVED_PREDICTIONS.schema
    assert store.read(TARGET).is_empty()
    assert store.days(TARGET, MODEL) == []
    assert not store.root.exists()


def test_the_first_write_wins(store: ServedPredictions) -> None:
    store.record(TARGET, DAY, "challenger", MODEL, day_of(3, 0.4))
    before = store.read(TARGET)
    assert not store.record(TARGET, DAY, "challenger", MODEL, day_of(3, 0.4))
    # Another probability, and another role after a promotion: what is on record stays.
    assert not store.record(TARGET, DAY, "champion", MODEL, day_of(3, 0.9))
    assert store.read(TARGET).equals(before)


def test_events_that_land_later_are_added_and_change_no_file(store: ServedPredictions) -> None:
    store.record(TARGET, DAY, "champion", MODEL, day_of(2, 0.4))
    (first,) = store.root.rglob("*.parquet")
    kept = first.read_bytes()
    both = pl.concat([day_of(2, 0.9), day_of(2, 0.6, game="8")])
    assert store.record(TARGET, DAY, "champion", MODEL, both)
    assert store.read(TARGET)["probability"].to_list() == [0.4, 0.4, 0.6, 0.6]
    assert first.read_bytes() == kept


def test_ids_depend_on_target_model_and_event() -> None:
    ids = {prediction_ids(t, m, [e])[0] for t in ("game", "shot") for m in ("m", "n") for e in ("1/1", "1/2")}
    assert len(ids) == 8
    # A golden value: ids are cited by receipts and must never change.
    assert prediction_ids("game", "m", ["2024-01-05_NYK_CLE"]) == ["ef81a00bb82f259bacf23d5f9be395eb"]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("event", None, "hypothetical"),
        ("probability", 1.5, "within 0 … 1"),
        ("probability", float("nan"), "within 0 … 1"),
        ("event", "7/1", "no two rows alike"),
        ("game_date", DAY + dt.timedelta(days=1), "another game date"),
        ("game_date", None, "another game date"),
    ],
)
def test_bad_rows_are_refused_in_words(store: ServedPredictions, column: str, value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        store.record(TARGET, DAY, "champion", MODEL, day_of(2).with_columns(pl.lit(value).alias(column)))
    assert store.read(TARGET).is_empty()


def test_an_unknown_role_or_a_missing_column_is_refused(store: ServedPredictions) -> None:
    with pytest.raises(ValueError, match=r"missing column\(s\) as_of"):
        store.record(TARGET, DAY, "champion", MODEL, day_of(1).drop("as_of"))
    with pytest.raises(ValueError, match="champion, challenger"):
        store.record(TARGET, DAY, "spectator", MODEL, day_of(1))


def test_a_cut_file_is_said_in_words(store: ServedPredictions) -> None:
    store.record(TARGET, DAY, "champion", MODEL, day_of(50))
    (path,) = store.root.rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreDamagedError, match="changed or cut"):
        store.read(TARGET)


def test_racing_writers_record_each_event_once(store: ServedPredictions) -> None:
    def write(probability: float) -> bool:
        return ServedPredictions(store.root).record(TARGET, DAY, "champion", MODEL, day_of(30, probability))

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, [number / 10 for number in range(1, 9)]))
    assert won.count(True) == 1
    kept = store.read(TARGET)
    assert kept.height == 30
    assert kept["probability"].n_unique() == 1


def test_a_kill_at_any_step_leaves_all_of_a_day_or_nothing(tmp_path: Path) -> None:
    template = tmp_path / "template"
    earlier = DAY - dt.timedelta(days=1)
    ServedPredictions(template / "served").record(TARGET, earlier, "champion", MODEL, day_of(4, 0.3, earlier))
    left = kill_at_every_step(
        "import datetime as dt\nimport polars as pl\n"
        "from parivision_assets.stores.served_predictions import ServedPredictions\n"
        "from parivision_assets_tests.stores.test_served_predictions import DAY, MODEL, TARGET, day_of",
        """
        ServedPredictions(root / "served").record(TARGET, DAY, "champion", MODEL, day_of(4, 0.6))
        """,
        template,
        tmp_path / "left",
    )
    seen = set()
    for root in left:
        store = ServedPredictions(root / "served")
        assert store.read(TARGET, last=earlier)["probability"].to_list() == [0.3] * 4
        there = tuple(store.read(TARGET, first=DAY)["probability"].to_list())
        seen.add(there)
        # The next run completes the day, and the one after it changes nothing.
        assert store.record(TARGET, DAY, "champion", MODEL, day_of(4, 0.6)) is (not there)
        assert not store.record(TARGET, DAY, "champion", MODEL, day_of(4, 0.6))
        assert store.read(TARGET, first=DAY)["probability"].to_list() == [0.6] * 4
    assert seen == {(), (0.6,) * 4}
