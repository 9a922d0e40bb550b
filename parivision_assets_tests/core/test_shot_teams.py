import polars as pl
import pytest

from parivision_assets.core import contracts, shot_teams


def of(expression, value):
    return pl.DataFrame({"v": [value]}, schema={"v": pl.String}).select(expression(pl.col("v"))).item()


@pytest.mark.parametrize(
    ("code", "today"),
    [
        ("NJN", "BKN"),
        ("SEA", "OKC"),
        ("NOK", "NOP"),
        ("VAN", "MEM"),
        ("CHH", "CHA"),
        ("BOS", "BOS"),
        ("bos", None),
        (None, None),
    ],
)
def test_codes_of_all_years_lead_to_todays_franchise(code, today):
    assert of(shot_teams.from_archive_code, code) == today


@pytest.mark.parametrize(
    ("name", "today"),
    [("LA Clippers", "LAC"), ("Charlotte Bobcats", "CHA"), ("Vancouver Grizzlies", "MEM"), ("Globetrotters", None)],
)
def test_names_of_all_years_lead_to_todays_franchise(name, today):
    assert of(shot_teams.from_archive_name, name) == today


def test_every_franchise_can_be_read_both_ways():
    assert set(shot_teams.ARCHIVE_CODES.values()) == set(contracts.TEAMS)
    assert set(shot_teams.ARCHIVE_NAMES.values()) == set(contracts.TEAMS)
