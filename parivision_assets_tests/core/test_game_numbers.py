import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.core.game_numbers import newest_file_per_game
from parivision_assets.core.shots import clean_shots
from parivision_assets_tests.core.shot_frames import changed, game, numbered

SHARED = 21_000_000


def shared_number() -> pl.DataFrame:
    first = game(game_id=SHARED)
    second = game(game_id=SHARED, home="MIA", away="PHX", first=200)
    return numbered(pl.concat([first, second]))


def test_games_that_share_a_number_are_told_apart():
    cleaned = clean_shots(shared_number())
    assert (cleaned.report.renumbered_games, cleaned.report.renumbered) == (2, 240)
    assert cleaned.quarantined.is_empty()
    per_game = cleaned.valid.group_by("game_id").agg(pl.len(), pl.col("shot_number").max(), pl.col("team").n_unique())
    assert [row[1:] for row in per_game.rows()] == [(120, 120, 2), (120, 120, 2)]
    assert all(str(number).startswith("20101103") for number in per_game["game_id"])


def test_a_made_up_number_depends_on_the_game_alone():
    together = set(clean_shots(shared_number()).valid["game_id"])
    with_a_third = pl.concat([shared_number(), game(game_id=SHARED, home="PHX", away="BOS", first=400)])
    assert together < set(clean_shots(numbered(with_a_third)).valid["game_id"])


def test_a_stray_row_does_not_renumber_its_game():
    cleaned = clean_shots(changed(game(), 7, GAME_DATE="11-04-2010"))
    assert cleaned.report.renumbered == 0
    assert cleaned.valid["game_id"].unique().to_list() == [21_000_001]
    assert cleaned.quarantined["source_row"].to_list() == [7]


def landed(name: str, *games: pl.DataFrame) -> pl.DataFrame:
    return numbered(pl.concat(games), name)


def files_by_game(frame: pl.DataFrame) -> dict[int, tuple[list[str], int]]:
    rows = frame.group_by("GAME_ID").agg(pl.col("source_file").unique().sort(), pl.len())
    return {number: (files, count) for number, files, count in rows.iter_rows()}


def test_a_late_game_is_added_and_a_corrected_game_replaces_every_row():
    season = landed("season.csv", game(game_id=1), game(game_id=2, home="MIA", away="PHX"))
    corrected = landed("day.csv", game(rows=110, game_id=2, home="MIA", away="PHX"), game(game_id=3, home="PHX"))
    merged = newest_file_per_game([season, corrected])
    assert files_by_game(merged) == {1: (["season.csv"], 120), 2: (["day.csv"], 110), 3: (["day.csv"], 120)}


def test_landing_order_decides_not_names_or_contents():
    one, two = landed("z.csv", game()), landed("a.csv", game(rows=90))
    assert newest_file_per_game([one, two]).height == 90
    assert newest_file_per_game([two, one]).height == 120


def test_a_corrected_date_replaces_the_game_by_its_number():
    wrong = landed("season.csv", game().with_columns(GAME_DATE=pl.lit("11-02-2010")))
    assert files_by_game(newest_file_per_game([wrong, landed("day.csv", game())])) == {21_000_001: (["day.csv"], 120)}


def test_a_corrected_number_replaces_the_game_by_its_date_and_teams():
    merged = newest_file_per_game([landed("season.csv", shared_number()), landed("day.csv", game(game_id=21_000_009))])
    assert files_by_game(merged) == {SHARED: (["season.csv"], 120), 21_000_009: (["day.csv"], 120)}


def test_a_day_with_a_shared_number_replaces_only_its_own_game():
    day = landed("day.csv", game(rows=100, game_id=SHARED))
    merged = newest_file_per_game([landed("season.csv", shared_number()), day])
    assert files_by_game(merged) == {SHARED: (["day.csv", "season.csv"], 220)}


def test_nothing_landed_is_an_error():
    with pytest.raises(ValueError, match="no landed frame"):
        newest_file_per_game([])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=6, unique=True), min_size=1, max_size=4))
def test_every_game_comes_whole_from_its_newest_file(landings):
    teams = ["ATL", "BKN", "CHI", "DAL", "DEN", "DET"]

    def rows(position: int, games: list[int]) -> pl.DataFrame:
        wanted = [(number, teams[number], position) for number in games for _ in range(position + 1)]
        return pl.DataFrame(
            wanted, schema={"GAME_ID": pl.Int64, "HOME_TEAM": pl.String, "source_file": pl.Int64}, orient="row"
        ).with_columns(GAME_DATE=pl.lit("11-03-2010"), AWAY_TEAM=pl.lit("LAL"))

    merged = newest_file_per_game([rows(position, games) for position, games in enumerate(landings)])
    newest = {number: position for position, games in enumerate(landings) for number in games}
    found = merged.group_by("GAME_ID").agg(pl.col("source_file").unique(), pl.len())
    assert {n: (files, count) for n, files, count in found.iter_rows()} == {
        number: ([position], position + 1) for number, position in newest.items()
    }
