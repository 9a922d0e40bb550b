"""Parsers: real files come out whole, bad files are refused in words, and nothing else is ever raised."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parivision_assets.sources import parsing
from parivision_assets.sources.published import FORMATS, SHOTS, Dataset, SourceFormatError
from parivision_assets.sources.unpacking import unpack

SHOT = {
    "SEASON_1": "2021", "SEASON_2": "2020-21", "TEAM_ID": "1610612753", "TEAM_NAME": "Orlando Magic",
    "PLAYER_ID": "7", "PLAYER_NAME": "ORL Guard 07", "POSITION_GROUP": "G", "POSITION": "PG",
    "GAME_DATE": "05-16-2021", "GAME_ID": "22001075", "HOME_TEAM": "PHI", "AWAY_TEAM": "ORL",
    "EVENT_TYPE": "Missed Shot", "SHOT_MADE": "FALSE", "ACTION_TYPE": "Jump Shot", "SHOT_TYPE": "3PT Field Goal",
    "BASIC_ZONE": "Left Corner 3", "ZONE_NAME": "Left Side", "ZONE_ABB": "L", "ZONE_RANGE": "24+ ft.",
    "LOC_X": "-2.31", "LOC_Y": "5.995", "SHOT_DISTANCE": "23", "QUARTER": "4", "MINS_LEFT": "0", "SECS_LEFT": "15",
}  # fmt: skip


def csv_of(*changes: dict[str, str], header: list[str] | None = None) -> bytes:
    names = list(SHOT) if header is None else header
    rows = [",".join({**SHOT, **change}[name] for name in names) for change in changes]
    return "\n".join([",".join(names), *rows, ""]).encode()


def zip_of(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def refusal(data: bytes, dataset: Dataset = Dataset.SHOTS, name: str = "NBA_2021_Shots.csv") -> SourceFormatError:
    with pytest.raises(SourceFormatError) as caught:
        parsing.parse(dataset, data, name)
    assert name in str(caught.value)
    assert caught.value.next_step
    return caught.value


def test_a_shot_is_typed_and_located() -> None:
    frame = parsing.parse_shots(csv_of({}, {"SHOT_MADE": "TRUE"}), "x.csv")
    assert frame.schema == SHOTS.schema
    assert frame["SHOT_MADE"].to_list() == [False, True]
    assert frame["LOC_X"].to_list() == [-2.31, -2.31]
    assert frame["GAME_DATE"][0] == "05-16-2021"
    assert frame["source_row"].to_list() == [1, 2]
    assert frame["source_file"].to_list() == ["x.csv", "x.csv"]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, lambda data: zip_of(**{"a.csv": data}),
                                  lambda data: zip_of(**{"a.csv": data, "__MACOSX/._a.csv": b"fork"}),
                                  lambda data: zip_of(**{"a.csv": data, "__MACOSX/a.csv": b"fork"}),
                                  lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n"),
                                  lambda data: data.replace(b"\n", b"\r")])  # fmt: skip
def test_containers_and_line_ends_change_nothing(pack) -> None:
    plain = csv_of({}, {"QUARTER": "0"})
    assert parsing.parse_shots(pack(plain), "a").equals(parsing.parse_shots(plain, "a"))


def test_positions_may_be_missing_order_may_differ_and_extras_are_left_out() -> None:
    names = [name for name in SHOT if not name.startswith("POSITION")]
    data = csv_of({"EXTRA": "1"}, header=["EXTRA", *reversed(names)])
    frame = parsing.parse_shots(data, "a")
    assert frame.schema == SHOTS.schema
    assert frame["POSITION"].to_list() == [None]
    assert frame["SECS_LEFT"].to_list() == [15]


def test_odd_values_pass_and_missing_ones_are_null() -> None:
    frame = parsing.parse_shots(
        csv_of({"GAME_DATE": "2021/5/16", "LOC_X": "999", "QUARTER": "0"}, {"LOC_X": "", "QUARTER": "NA"}), "a"
    )
    assert frame["GAME_DATE"][0] == "2021/5/16"
    assert frame["LOC_X"].to_list() == [999.0, None]
    assert frame["QUARTER"].to_list() == [0, None]


def test_whole_numbers_may_be_written_as_decimals() -> None:
    frame = parsing.parse_shots(csv_of({"QUARTER": "4.0"}, {"LOC_Y": "nan"}), "a")
    assert frame["QUARTER"].to_list() == [4, 4]
    assert frame["LOC_Y"].to_list() == [5.995, None]


def test_blank_lines_are_skipped_and_counted() -> None:
    data = csv_of({}, {}).replace(b"\n2021", b"\n\n2021")
    assert parsing.parse_shots(data, "a")["source_row"].to_list() == [2, 4]


@pytest.mark.parametrize(("column", "value", "words"), [("QUARTER", "four", "whole number"),
                                                        ("QUARTER", "4.5", "whole number"),
                                                        ("PLAYER_ID", "9007199254740993.0", "whole number"),
                                                        ("LOC_X", "1,5", "number"), ("LOC_X", "left", "number"),
                                                        ("SHOT_MADE", "maybe", "TRUE or FALSE")])  # fmt: skip
def test_a_wrong_dtype_names_first_row_column_and_value(column: str, value: str, words: str) -> None:
    error = refusal(csv_of({}, {}, {column: f'"{value}"'}, {column: f'"{value}"'}))
    assert (error.row, error.column) == (3, column)
    assert words in error.rule
    assert value in error.rule
    assert "2 row(s)" in error.next_step


def test_a_missing_column_is_named() -> None:
    error = refusal(csv_of({}, header=[name for name in SHOT if name != "LOC_Y"]))
    assert error.column == "LOC_Y"
    assert "DomSamangy" in error.next_step


def test_a_file_of_another_season_is_refused() -> None:
    error = refusal(csv_of({"SEASON_1": "2020"}, {"SEASON_1": ""}))
    assert (error.row, error.column) == (1, "SEASON_1")
    assert "must be 2021" in error.rule
    assert parsing.parse_shots(csv_of({"SEASON_1": "2020"}, {}), "NBA_2021_Shots.2021-05-16.csv").height == 2


def test_a_repeated_column_is_named() -> None:
    assert refusal(csv_of({}, header=[*SHOT, "LOC_Y"])).column == "LOC_Y"


def test_a_file_cut_in_the_middle_of_a_row_is_refused() -> None:
    error = refusal(csv_of({}, {})[:-40])
    assert error.row == 2
    assert "fields" in error.rule
    assert "truncated" in error.next_step


def test_a_row_with_too_many_fields_is_refused() -> None:
    assert refusal(csv_of({}, {"PLAYER_NAME": "a,b"})).row == 2


def test_an_unclosed_quote_is_refused() -> None:
    refusal(csv_of({}, {"PLAYER_NAME": '"ORL Guard'}, {}))


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b" \n\n", "empty"), (csv_of(), "no rows"), (b"\xff\xfeS\x00E\x00", "UTF-16"),
    (csv_of({}).replace(b"Orlando", b"Orl\xe9ndo"), "UTF-8"),
    (b"<!DOCTYPE html><html><head><title>404 Not Found</title>", "'404 Not Found'"),
    (csv_of({}).replace(b",", b";"), "separator"),
    (zip_of(**{"a.csv": csv_of({})})[:-200], "truncated"),
    (gzip.compress(csv_of({}))[:-20], "truncated"),
    (zip_of(**{"a.csv": csv_of({}), "b.csv": csv_of({})}), "one csv"),
    (zip_of(**{"readme.txt": b"x"}), "one csv"),
    (zip_of(**{"a.csv": b""}), "empty"),
    (b'{"error": "quota"}', "column"),
])  # fmt: skip
def test_bad_files_are_refused_in_words(data: bytes, words: str) -> None:
    assert words in refusal(data).rule


def test_a_damaged_zip_member_is_refused() -> None:
    data = bytearray(zip_of(**{"a.csv": csv_of(*[{"PLAYER_ID": str(i)} for i in range(500)])}))
    data[200:230] = bytes(30)
    assert "truncated or damaged" in refusal(bytes(data)).rule


def test_a_file_named_zip_that_is_none_is_refused() -> None:
    with pytest.raises(SourceFormatError, match="neither zip nor gz"):
        unpack(csv_of({}), "a.zip")


def test_wrong_encoding_names_the_row() -> None:
    data = csv_of({}, {"PLAYER_NAME": "Renard"}, {}).replace(b"Renard", b"Ren\xe9")
    assert refusal(data).row == 2


def test_feed_records_read_the_same_from_csv_and_json() -> None:
    names = list(FORMATS[Dataset.FEED].columns)
    records = [dict.fromkeys(names, f"{index}") for index in range(3)]
    rows = [",".join(record.values()) for record in records]
    as_csv = "\n".join([",".join(names), *rows]).encode()
    expected = parsing.parse_feed(as_csv, "feed")
    assert parsing.parse_feed(json.dumps(records).encode(), "feed").equals(expected)
    assert parsing.parse_feed("\n".join(map(json.dumps, records)).encode(), "feed").equals(expected)
    assert set(expected.select(names).schema.values()) == {pl.String}
    error = refusal(json.dumps([*records, {"Game ID": "1"}]).encode(), Dataset.FEED)
    assert (error.row, error.column) == (4, "Game Event ID")
    assert "no records" in refusal(b"[]", Dataset.FEED).rule
    assert "JSON" in refusal(b"[" * 100_000, Dataset.FEED).rule


@pytest.mark.parametrize("dataset", list(Dataset))
def test_a_header_tells_its_dataset_even_with_a_column_missing(dataset: Dataset) -> None:
    names = list(FORMATS[dataset].columns)
    assert parsing.recognise_header(names) is dataset
    assert parsing.recognise((",".join(names[1:]) + "\n").encode(), "x.csv") is dataset


def test_an_unknown_header_is_no_dataset() -> None:
    assert parsing.recognise_header(["GAME_ID", "TEAM_ID", "PTS"]) is None
    with pytest.raises(SourceFormatError, match="no known dataset"):
        parsing.recognise(b"GAME_ID,TEAM_ID,PTS\n1,2,3\n", "x.csv")


_TRAILING = st.text(max_size=200).map(lambda text: csv_of({}) + text.encode("utf-8", "replace"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.one_of(st.binary(max_size=300), _TRAILING), dataset=st.sampled_from(list(Dataset)))
def test_any_bytes_parse_or_are_refused(data: bytes, dataset: Dataset) -> None:
    try:
        frame = parsing.parse(dataset, data, "x.csv")
    except SourceFormatError:
        return
    assert frame.schema == FORMATS[dataset].schema
    assert frame.height


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cut=st.integers(0, 3000),
    at=st.integers(0, 3000),
    junk=st.binary(max_size=6),
    packed=st.sampled_from(["", "zip", "gz"]),
)
def test_damaged_files_parse_or_are_refused(cut: int, at: int, junk: bytes, packed: str) -> None:
    data = csv_of(*[{"PLAYER_ID": str(index)} for index in range(10)])
    whole = {"": data, "zip": zip_of(**{"a.csv": data}), "gz": gzip.compress(data)}[packed]
    damaged = whole[:at] + junk + whole[at + cut % 7 :]
    try:
        frame = parsing.parse_shots(damaged, "x.csv")
    except SourceFormatError:
        return
    assert frame.schema == SHOTS.schema


_VALUES = {
    pl.Int64: st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    pl.Float64: st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    pl.Boolean: st.one_of(st.none(), st.booleans()),
    pl.String: st.one_of(
        st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=8)
    ),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data(), dataset=st.sampled_from(list(Dataset)), rows=st.integers(1, 4))
def test_a_written_frame_reads_back_the_same(data: st.DataObject, dataset: Dataset, rows: int) -> None:
    columns = FORMATS[dataset].columns
    drawn = {
        name: pl.Series(name, data.draw(st.lists(_VALUES[dtype], min_size=rows, max_size=rows)), dtype)
        for name, dtype in columns.items()
    }
    frame = pl.DataFrame(drawn).filter(~pl.all_horizontal(pl.all().is_null()))
    if frame.is_empty():
        return
    read = parsing.parse(dataset, frame.write_csv().encode(), "x.csv")
    assert read.select(list(columns)).equals(frame)


@pytest.mark.real_data
def test_every_published_file_reads_whole(real_data: Path) -> None:
    rows = dict.fromkeys(Dataset, 0)
    for path in sorted(real_data.glob("*/*.*")):
        if path.name.startswith("NBA_") and path.name[4:8] not in {"2012", "2021"}:
            continue
        data = path.read_bytes()
        dataset = parsing.recognise(data, path.name)
        rows[dataset] += parsing.parse(dataset, data, path.name).height
    expected = {"shots": 161_205 + 190_983, "games": 23_096, "odds": 16_664, "tracking": 128_069, "forecasts": 6_392}
    assert rows == {**expected, "feed": 1_000, "schedule": 0}
