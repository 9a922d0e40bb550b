"""The landing zone: bytes as received, landing order, idempotence, refusals, crashes and damage."""

import datetime as dt
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError, digest_of
from parivision_assets.stores.landing import LandingZone
from parivision_assets_tests.stores.crash import kill_at_every_step

NOW = dt.datetime(2021, 5, 17, 6, tzinfo=dt.UTC)
DAY = dt.date(2021, 5, 16)


@pytest.fixture
def zone(tmp_path: Path) -> LandingZone:
    return LandingZone(tmp_path / "landing", clock=lambda: NOW)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_season_file_and_its_days_come_back_in_landing_order(zone: LandingZone) -> None:
    zone.land("shots", 2021, b"season", url="s3://bucket/NBA_2021_Shots.csv.zip")
    late = zone.land("shots", 2021, b"day 16", url="/data/NBA_2021_Shots.2021-05-16.csv", day=DAY)
    zone.land("shots", 2021, b"day 15", url="/data/NBA_2021_Shots.2021-05-15.csv", day=DAY - dt.timedelta(1))
    zone.land("shots", 2020, b"other", url="x")
    landed = zone.objects("shots", "2021")
    assert [zone.read(entry) for entry in landed] == [b"season", b"day 16", b"day 15"]
    assert [entry.number for entry in landed] == [1, 2, 3]
    assert landed[1] == late
    assert (late.name, late.day, late.size_bytes, late.landed_at) == ("NBA_2021_Shots.2021-05-16.csv", DAY, 6, NOW)
    assert late.sha256 == digest_of(b"day 16")
    assert zone.partitions("shots") == ["2020", "2021"]
    assert zone.objects("games", 2021) == []


def test_landing_again_changes_nothing(zone: LandingZone) -> None:
    first = zone.land("shots", 2021, b"season", url="/a/x.csv")
    zone.land("shots", 2021, b"day", url="/a/x.2021-05-16.csv", day=DAY)
    before = snapshot(zone.root)
    assert zone.land("shots", 2021, b"season", url="/a/x.csv") == first
    assert zone.land("shots", 2021, b"season", url="/mirror/x.csv") == first
    assert snapshot(zone.root) == before


def test_a_url_that_goes_back_to_older_bytes_is_news(zone: LandingZone) -> None:
    for data in (b"one", b"two", b"one"):
        zone.land("games", "all", data, url="/a/games.csv")
    assert [zone.read(entry) for entry in zone.objects("games", "all")] == [b"one", b"two", b"one"]


def test_refused_bytes_stay_on_record_and_out_of_the_way(zone: LandingZone) -> None:
    good = zone.land("shots", 2021, b"good", url="/a/x.csv")
    bad = zone.land("shots", 2021, b"bad", url="/a/x.csv")
    zone.reject(bad, "x.csv: the zip is truncated")
    zone.reject(bad, "another reason")
    assert zone.objects("shots", 2021) == [good]
    again = zone.land("shots", 2021, b"bad", url="/a/x.csv")
    assert again.rejected == "x.csv: the zip is truncated"
    assert zone.read(again) == b"bad"
    assert zone.land("shots", 2021, b"good", url="/a/x.csv") == good
    assert len(zone.objects("shots", 2021, rejected=True)) == 2


def test_a_refusal_can_be_undone_and_repeated(zone: LandingZone) -> None:
    first = zone.land("shots", 2021, b"first", url="/a/x.csv")
    zone.land("shots", 2021, b"second", url="/a/x.csv")
    zone.accept(first)
    assert not list(zone.root.rglob("*.rejected.json"))
    zone.reject(first, "unreadable")
    assert [entry.number for entry in zone.objects("shots", 2021)] == [2]
    zone.accept(first)
    assert [entry.number for entry in zone.objects("shots", 2021)] == [1, 2]
    zone.reject(first, "unreadable again")
    (refused,) = (entry for entry in zone.objects("shots", 2021, rejected=True) if entry.rejected)
    assert refused.rejected == "unreadable again"


def test_missing_is_not_empty(zone: LandingZone) -> None:
    with pytest.raises(StoreError, match="empty answer"):
        zone.land("shots", 2021, b"", url="/a/x.csv")
    assert not zone.root.exists()


def test_secrets_in_a_url_are_not_kept(zone: LandingZone) -> None:
    entry = zone.land("shots", 2021, b"x", url="https://me:secret@host:8080/a/x.csv?token=secret#secret")
    assert entry.url == "https://host:8080/a/x.csv"
    assert b"secret" not in b"".join(content for _, content in snapshot(zone.root).values())


def test_damage_is_found_and_landing_again_repairs_it(zone: LandingZone) -> None:
    entry = zone.land("shots", 2021, b"season", url="/a/x.csv")
    (place,) = (zone.root / "objects").glob("*/*")
    place.write_bytes(b"seas0n")
    with pytest.raises(StoreDamagedError, match="changed after it landed"):
        zone.read(entry)
    assert zone.land("shots", 2021, b"season", url="/a/x.csv") == entry
    assert zone.read(entry.sha256) == b"season"
    with pytest.raises(StoreAbsentError, match="ever landed"):
        zone.read("0" * 64)


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_names_cannot_leave_the_root(zone: LandingZone, name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        zone.land(name, 2021, b"x", url="u")
    with pytest.raises(ValueError, match="is no name"):
        zone.land("shots", name, b"x", url="u")


@settings(max_examples=25, deadline=None)
@given(landings=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([b"1", b"2", b"3"])), max_size=6))
def test_replaying_the_last_answer_of_every_url_changes_nothing(
    landings: list[tuple[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    zone = LandingZone(tmp_path_factory.mktemp("landing"))
    for url, data in landings:
        zone.land("shots", 2021, data, url=url)
    landed = zone.objects("shots", 2021)
    assert {entry.sha256 for entry in landed} == {digest_of(data) for _, data in landings}
    for entry in {entry.url: entry for entry in landed}.values():
        zone.land("shots", 2021, zone.read(entry), url=entry.url)
    assert zone.objects("shots", 2021) == landed


def test_kill_at_every_step_leaves_the_landing_or_none(tmp_path: Path) -> None:
    zone = LandingZone(tmp_path / "template")
    zone.land("shots", 2021, b"season", url="/a/x.csv")
    imports = "from parivision_assets.stores.landing import LandingZone"
    action = "LandingZone(root).land('shots', 2021, b'day', url='/a/x.2021-05-16.csv')"
    seen = set()
    for folder in kill_at_every_step(imports, action, zone.root, tmp_path):
        left = LandingZone(folder)
        contents = [left.read(entry) for entry in left.objects("shots", 2021)]
        seen.add(len(contents))
        assert contents in ([b"season"], [b"season", b"day"])
        left.land("shots", 2021, b"day", url="/a/x.2021-05-16.csv")
        assert [left.read(entry) for entry in left.objects("shots", 2021)] == [b"season", b"day"]
        left.land("shots", 2021, b"more", url="/a/x.2021-05-17.csv")
        assert list((folder / "scratch").iterdir()) == []
    assert seen == {1, 2}


def test_several_writers_each_get_their_number(zone: LandingZone) -> None:
    def write(writer: int) -> None:
        for turn in range(5):
            zone.land("shots", 2021, f"{writer} {turn}".encode(), url=f"/{writer}/{turn}.csv")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    landed = zone.objects("shots", 2021)
    assert [entry.number for entry in landed] == list(range(1, 21))
    assert len({zone.read(entry) for entry in landed}) == 20
