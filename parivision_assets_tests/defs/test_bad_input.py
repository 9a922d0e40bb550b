"""Bad files through the assets: refused or quarantined in words, and what was there stays."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from parivision_assets.commands.run import RunResult
from parivision_assets_tests.small_platform import SHOTS_FILE, SmallPlatform

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")

SHOTS = "key:raw_shots or key:validated_shots or key:player_game_totals"
GAMES = "key:raw_games or key:raw_odds or key:validated_games"
SEASON = "2022"
NAME = SHOTS_FILE.format(season=SEASON)


def published_shots(small: SmallPlatform) -> str:
    with zipfile.ZipFile(small.published.shots / NAME) as archive:
        return archive.read(NAME.removesuffix(".zip")).decode()


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME.removesuffix(".zip"), text)
    return buffer.getvalue()


def replace_shots(small: SmallPlatform, data: bytes) -> None:
    (small.published.shots / NAME).write_bytes(data)


def with_value(text: str, column: str, value: str, row: int = 3) -> str:
    """Return the file with one value replaced; data rows count from 1."""
    lines = text.splitlines()
    cells = lines[row].split(",")
    cells[lines[0].split(",").index(column)] = value
    lines[row] = ",".join(cells)
    return "\n".join(lines) + "\n"


def without_column(text: str, column: str) -> str:
    frame = pl.read_csv(io.StringIO(text), infer_schema=False).drop(column)
    return frame.write_csv()


REFUSED: dict[str, tuple[Callable[[str], bytes], str]] = {
    "truncated zip": (lambda text: zipped(text)[:-300], "truncated|damaged|not a .*zip|cut"),
    "missing column": (lambda text: zipped(without_column(text, "SHOT_DISTANCE")), "SHOT_DISTANCE"),
    "wrong dtype": (lambda text: zipped(with_value(text, "QUARTER", "first")), r"row 3, column QUARTER: .*first"),
    "empty file": (lambda _text: b"", "empty|nothing|0 bytes"),
    "empty member": (lambda _text: zipped(""), "empty|nothing|0 bytes"),
    "error page": (lambda _text: b"<!DOCTYPE html><html><body>502</body></html>", "(?i)html|web page|error page"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_not_in_its_format_is_refused_in_words(own: SmallPlatform, kind: str) -> None:
    spoil, words = REFUSED[kind]
    before = own.digests()
    replace_shots(own, spoil(published_shots(own)))
    (result,) = own.run(SHOTS, [SEASON])
    assert not result.succeeded
    problem = " ".join(result.problems)
    assert NAME.removesuffix(".zip") in problem
    assert re.search(words, problem), problem
    assert len(result.problems) == 1, result.problems
    # Nothing below a failed blocking check ran, and every partition is the one it was.
    assert dict(result.assets) == {}
    assert own.digests() == before


def test_the_next_good_file_is_accepted_after_a_refused_one(own: SmallPlatform) -> None:
    good, before = published_shots(own), own.digests()
    replace_shots(own, b"<html>busy</html>")
    assert not own.run(SHOTS, [SEASON])[0].succeeded
    replace_shots(own, zipped(good))
    (again,) = own.run(SHOTS, [SEASON])
    assert again.succeeded, again.problems
    after = own.digests()
    assert after[f"validated_shots/{SEASON}"] == before[f"validated_shots/{SEASON}"]
    # Other content is taken too, and reaches what is made of it.
    replace_shots(own, zipped("\n".join(good.splitlines()[:-200]) + "\n"))
    assert own.run(SHOTS, [SEASON])[0].succeeded
    assert own.digests()[f"player_game_totals/{SEASON}"] != before[f"player_game_totals/{SEASON}"]


QUARANTINED = {
    "date in another style": ("GAME_DATE", "2021-12-25", "date must be MM-DD-YYYY"),
    "off the court": ("LOC_X", "-180.0", "LOC_X"),
    "period 0": ("QUARTER", "0", "QUARTER"),
}


def test_rows_that_break_a_rule_are_quarantined_with_the_reason(own: SmallPlatform) -> None:
    text = published_shots(own)
    for row, (column, value, _) in enumerate(QUARANTINED.values(), start=3):
        text = with_value(text, column, value, row)
    replace_shots(own, zipped(text))
    before = own.home.tables.read("validated_shots", SEASON).height
    (result,) = own.run(SHOTS, [SEASON])
    assert result.succeeded, result.problems
    assert own.home.tables.read("validated_shots", SEASON).height == before - len(QUARANTINED)
    refused = own.home.tables.read("quarantined_shots", SEASON).sort("source_row")
    for row, (column, value, rule), found in zip(
        range(3, 6), QUARANTINED.values(), refused.filter(pl.col("source_row").is_between(3, 5)).to_dicts(), strict=True
    ):
        assert (found["source_row"], found["column"]) == (row, column), found
        assert value.rstrip("0").rstrip(".") in found["value"] or value in found["value"]
        assert rule in found["rule"] or rule == found["column"]
        for part in (NAME.removesuffix(".zip"), f"row {row}", column, found["rule"]):
            assert part in found["message"], found["message"]
        assert found["raw"].startswith("{")


def test_too_many_quarantined_rows_block_the_season_and_keep_what_was_there(own: SmallPlatform) -> None:
    text, before = published_shots(own), own.digests()
    for row in range(3, 60):
        text = with_value(text, "QUARTER", "0", row)
    replace_shots(own, zipped(text))
    (result,) = own.run(SHOTS, [SEASON])
    assert not result.succeeded
    assert "QUARTER" in result.problems[0]
    assert "more than the limit of 1.0%" in result.problems[0]
    assert "validated_shots" not in result.assets
    assert "player_game_totals" not in result.assets
    after = own.digests()
    for table in ("validated_shots", "player_game_totals"):
        assert after[f"{table}/{SEASON}"] == before[f"{table}/{SEASON}"]
    # The quarantine is published all the same: it is where a person looks.
    assert own.home.tables.read("quarantined_shots", SEASON).height >= 57


def test_a_game_twice_with_different_scores_is_quarantined(own: SmallPlatform) -> None:
    path = own.published.games / "games.csv"
    lines = path.read_text().splitlines()
    header = lines[0].split(",")
    at = next(
        n for n, line in enumerate(lines[1:], 1) if line.split(",")[header.index("SEASON")] == str(int(SEASON) - 1)
    )
    cells = lines[at].split(",")
    points = header.index("PTS_home")
    cells[points] = str(float(cells[points]) + 40)
    path.write_text("\n".join([*lines[: at + 1], ",".join(cells), *lines[at + 1 :]]) + "\n")
    games = own.home.tables.read("validated_games", SEASON)
    results = own.run(GAMES, [SEASON])
    quarantined = own.home.tables.read("quarantined_games", SEASON)
    clash = quarantined.filter(pl.col("source_file") == "games.csv")
    assert clash.height >= 1, results[0].problems
    for found in clash.to_dicts():
        for part in ("games.csv", f"row {found['source_row']}", found["column"], found["rule"]):
            assert part in found["message"]
    # One game of so few passes the limit: then the whole season stays as it was, else the others are published.
    left = own.home.tables.read("validated_games", SEASON)
    assert left.equals(games) or left.height >= games.height - 1


def test_a_bad_season_stops_no_other(own: SmallPlatform) -> None:
    replace_shots(own, b"<html></html>")
    bad, good = own.run("key:raw_shots", [SEASON, "2023"])
    assert (bad.succeeded, good.succeeded) == (False, True)


def states(result: RunResult) -> dict[str, str]:
    return dict(result.assets)


def test_a_source_that_went_away_leaves_the_partition(own: SmallPlatform) -> None:
    before = own.digests()
    for path in own.published.shots.iterdir():
        path.unlink()
    (result,) = own.run("key:raw_shots", [SEASON])
    assert result.succeeded, result.problems
    assert own.digests() == before


def test_a_season_nobody_publishes_is_absent_and_no_failure(filled: SmallPlatform, tmp_path: Path) -> None:
    from parivision_assets_tests.small_platform import platform

    small = platform(tmp_path / "home", filled.published, seasons=(2019,))
    (result,) = small.run("key:raw_shots or key:validated_shots", ["2019"])
    assert result.succeeded, result.problems
    assert set(states(result).values()) == {"absent"}
    assert small.digests() == {}


def test_running_again_changes_nothing(own: SmallPlatform) -> None:
    before = own.digests()
    newest = max(path.stat().st_mtime_ns for path in (own.home.root / "tables").rglob("*.parquet"))
    results = own.run("key:raw_shots or key:validated_shots or key:shot_features", [SEASON])
    assert all(result.succeeded for result in results)
    assert own.digests() == before
    assert max(path.stat().st_mtime_ns for path in (own.home.root / "tables").rglob("*.parquet")) == newest


def test_data_versions_are_content_hashes(filled: SmallPlatform) -> None:
    import dagster as dg

    from parivision_assets.defs.instance import open_instance

    with open_instance(filled.home) as instance:
        for name, digest in filled.digests().items():
            table, partition = name.split("/")
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(table), asset_partitions=[partition]), limit=1
            ).records
            made = records[0].asset_materialization
            assert made is not None
            assert made.tags is not None
            assert made.tags["dagster/data_version"] == digest
            version = filled.home.tables.version(table, partition)
            assert version.path.stem == digest
            assert made.metadata["dagster/row_count"].value == version.rows


def test_nothing_is_written_outside_the_home(filled: SmallPlatform) -> None:
    assert sorted(path.name for path in filled.settings.home.parent.iterdir()) == ["home", "published"]
