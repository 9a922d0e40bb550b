"""Finding and reading published files: folders, single files, web servers; absent, empty and silent told apart."""

import datetime as dt
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from parivision_assets.core.league import LeagueConfig
from parivision_assets.sources import archives
from parivision_assets.sources.archives import Dataset
from parivision_assets.sources.published import FORMATS
from parivision_assets.sources.synthetic import write_league

DAY = dt.date(2021, 5, 16)


def csv_bytes(dataset: Dataset, first: str = "2021") -> bytes:
    names = list(FORMATS[dataset].columns)
    return (",".join(names) + "\n" + ",".join([first] + ["0"] * (len(names) - 1)) + "\n").encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for season in (2020, 2021):
        (tmp_path / f"NBA_{season}_Shots.csv").write_bytes(csv_bytes(Dataset.SHOTS))
    (tmp_path / "NBA_2021_Shots.2021-05-16.csv").write_bytes(csv_bytes(Dataset.SHOTS))
    (tmp_path / "games.csv").write_bytes(csv_bytes(Dataset.GAMES))
    (tmp_path / "games.2021-05-16.csv").write_bytes(csv_bytes(Dataset.GAMES))
    (tmp_path / "nba_2008-2021.csv").write_bytes(csv_bytes(Dataset.ODDS))
    (tmp_path / "players.csv").write_bytes(b"PLAYER_ID,NAME\n1,x\n")
    (tmp_path / "README.md").write_bytes(b"# about")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[tuple[str, type[http.server.SimpleHTTPRequestHandler]]]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        answer: int | None = None

        def log_message(self, *_: object) -> None:
            return

        def send_head(self):
            if self.answer and (self.answer != 403 or self.path.endswith("/")):
                self.send_error(self.answer)
                return None
            return super().send_head()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}", Handler
        web.shutdown()
        thread.join()


def test_a_folder_lists_seasons_and_finds_each_file(folder: Path) -> None:
    url = str(folder)
    assert archives.seasons_available(url) == [2020, 2021]
    assert archives.seasons_available(url + "/") == [2020, 2021]
    found = archives.find_shots(url, 2021)
    assert found is not None
    assert (found.name, found.season, found.day) == ("NBA_2021_Shots.csv", 2021, None)
    assert archives.read(found).height == 1
    assert archives.find_shots(url, 2019) is None


def test_season_files_come_first_and_day_files_follow(folder: Path) -> None:
    shots = archives.find_files(str(folder), Dataset.SHOTS, 2021)
    assert [file.day for file in shots] == [None, DAY]
    games = archives.find_files(str(folder), Dataset.GAMES)
    assert [(file.name, file.day) for file in games] == [("games.csv", None), ("games.2021-05-16.csv", DAY)]
    assert [file.name for file in archives.find_files(str(folder), Dataset.ODDS)] == ["nba_2008-2021.csv"]
    assert archives.find_files(str(folder), Dataset.TRACKING) == []


def test_a_source_may_be_a_folder_or_a_single_file(folder: Path) -> None:
    assert {file.dataset for file in archives.recognised_files(str(folder))} == {
        Dataset.SHOTS, Dataset.GAMES, Dataset.ODDS}  # fmt: skip
    (file,) = archives.recognised_files(str(folder / "games.2021-05-16.csv"))
    assert (file.dataset, file.day) == (Dataset.GAMES, DAY)
    assert archives.seasons_available(str(folder / "NBA_2020_Shots.csv")) == [2020]
    with pytest.raises(archives.SourceFormatError, match="no known dataset"):
        archives.recognised_files(str(folder / "players.csv"))


def test_absent_is_a_state_and_empty_an_error(folder: Path) -> None:
    assert archives.find_files(str(folder / "nowhere"), Dataset.GAMES) == []
    assert archives.seasons_available(str(folder / "nowhere")) == []
    with pytest.raises(archives.SourceAbsentError, match="is not there"):
        archives.read_bytes(str(folder / "games2.csv"))
    (folder / "games.csv").write_bytes(b"")
    with pytest.raises(archives.SourceFormatError, match=r"games\.csv: the file is empty"):
        archives.read_bytes(str(folder / "games.csv"))
    with pytest.raises(archives.SourceFormatError, match=r"games\.csv"):
        archives.find_files(str(folder), Dataset.GAMES)


@pytest.mark.parametrize(("name", "data"), [("games.csv", b"<html>nope</html>\n"), ("t.csv.zip", b"PK\x03\x04abc\n"),
                                            ("t.csv.gz", b"\x1f\x8babc")])  # fmt: skip
def test_an_unreadable_file_in_a_folder_is_an_error(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    with pytest.raises(archives.SourceFormatError, match=name):
        archives.find_files(str(folder), Dataset.GAMES)


def test_a_file_with_a_missing_column_is_found_and_refused(folder: Path) -> None:
    (folder / "games.csv").write_bytes(csv_bytes(Dataset.GAMES).replace(b"PTS_home", b"points"))
    with pytest.raises(archives.SourceFormatError, match="column PTS_home"):
        archives.read(archives.find_files(str(folder), Dataset.GAMES)[0])


def test_memory_urls_work(folder: Path) -> None:
    with fsspec.open("memory://bucket/shots/NBA_2021_Shots.csv", "wb") as handle:
        handle.write(csv_bytes(Dataset.SHOTS))
    found = archives.find_shots("memory://bucket/shots", 2021)
    assert found is not None
    assert archives.read(found).height == 1


def test_a_web_folder_is_read_like_a_local_one(server) -> None:
    url, handler = server
    assert archives.seasons_available(url) == [2020, 2021]
    assert [file.name for file in archives.find_files(url, Dataset.ODDS)] == ["nba_2008-2021.csv"]
    handler.answer = 403
    found = archives.find_shots(url, 2021)
    assert found is not None
    assert archives.read(found).height == 1
    assert archives.find_shots(url, 2019) is None
    with pytest.raises(archives.SourceUnavailableError):
        archives.seasons_available(url)


def test_a_failing_server_is_neither_absent_nor_empty(server) -> None:
    url, handler = server
    with pytest.raises(archives.SourceAbsentError):
        archives.read_bytes(f"{url}/games3.csv")
    handler.answer = 500
    with pytest.raises(archives.SourceUnavailableError, match="500"):
        archives.read_bytes(f"{url}/games.csv")
    with pytest.raises(archives.SourceUnavailableError):
        archives.find_shots(url, 2021)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/games.csv", "ftpx://host/games.csv", "s3://bucket/games.csv"])
def test_no_answer_is_said_in_words(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(archives.SourceUnavailableError, match=url):
        archives.read_bytes(url)


@pytest.mark.parametrize("name", ["NBA_2021_Shots.2021-13-40.csv", "games.2021-02-30.csv"])
def test_a_day_that_is_no_date_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(csv_bytes(Dataset.GAMES if "games" in name else Dataset.SHOTS))
    with pytest.raises(archives.SourceFormatError, match="calendar date"):
        archives.recognised_files(str(folder))


def test_the_synthetic_league_is_read_by_the_same_code(tmp_path: Path) -> None:
    config = LeagueConfig.small()
    paths = write_league(config, tmp_path)
    assert archives.seasons_available(str(paths.shots)) == list(config.season_numbers)
    for dataset in set(Dataset) - {Dataset.FEED}:
        files = archives.find_files(str(tmp_path / dataset), dataset)
        assert files
        assert all(archives.read(file).height for file in files)


@pytest.mark.real_data
def test_the_published_folders_are_found(real_data: Path) -> None:
    assert archives.seasons_available(str(real_data / "shots")) == [*range(2004, 2019), 2020, 2021]
    for dataset in (Dataset.GAMES, Dataset.ODDS, Dataset.TRACKING, Dataset.FORECASTS, Dataset.FEED):
        (file,) = archives.find_files(str(real_data / dataset), dataset)
        assert file.dataset is dataset
