"""Small published frames with known truths, for the tests of the shots' cleaning."""

import math

import polars as pl

RANGE_BANDS = ((8, "Less Than 8 ft."), (16, "8-16 ft."), (24, "16-24 ft."), (95, "24+ ft."))
TEAM_IDS = {"BOS": 1610612738, "LAL": 1610612747, "MIA": 1610612748, "PHX": 1610612756}
NAMES = {"BOS": "Boston Celtics", "LAL": "Los Angeles Lakers", "MIA": "Miami Heat", "PHX": "Phoenix Suns"}


def side_of(x_ft: float) -> str:
    if abs(x_ft) < 5:
        return "Center"
    return ("Left" if x_ft < 0 else "Right") + (" Side" if abs(x_ft) > 15 else " Side Center")


def shot(number: int, game_id: int = 21_000_001, home: str = "BOS", away: str = "LAL") -> dict[str, object]:
    """Return one published row, in the archive's usual convention (LOC_X positive on the left)."""
    ring = number * 7 % 25
    angle = math.radians(number * 53 % 170 - 85)
    x, y = round(ring * math.sin(angle), 1), round(ring * math.cos(angle), 1)
    distance = math.hypot(x, y)
    is_three = distance >= 23.75
    made = number % 3 == 0
    team = home if number % 2 else away
    clock = 719 - number * 11 % 700
    zone = "Above the Break 3" if is_three else "Restricted Area" if distance < 4 else "Mid-Range"
    return {
        "SEASON_1": 2011, "SEASON_2": "2010-11", "TEAM_ID": TEAM_IDS[team], "TEAM_NAME": NAMES[team],
        "PLAYER_ID": 100 + number % 9, "PLAYER_NAME": f"Player {number % 9}", "POSITION_GROUP": "G", "POSITION": "SG",
        "GAME_DATE": "11-03-2010", "GAME_ID": game_id, "HOME_TEAM": home, "AWAY_TEAM": away,
        "EVENT_TYPE": "Made Shot" if made else "Missed Shot", "SHOT_MADE": made, "ACTION_TYPE": "Jump Shot",
        "SHOT_TYPE": "3PT Field Goal" if is_three else "2PT Field Goal", "BASIC_ZONE": zone,
        "ZONE_NAME": side_of(x), "ZONE_ABB": "C",
        "ZONE_RANGE": next(band for limit, band in RANGE_BANDS if distance < limit),
        "LOC_X": -x, "LOC_Y": y + 5.25, "SHOT_DISTANCE": int(distance), "QUARTER": 1 + number % 4,
        "MINS_LEFT": clock // 60, "SECS_LEFT": clock % 60,
    }  # fmt: skip


def game(
    rows: int = 120, game_id: int = 21_000_001, home: str = "BOS", away: str = "LAL", first: int = 0
) -> pl.DataFrame:
    """Return one clean published game; `first` picks other shots."""
    return numbered(pl.DataFrame([shot(n, game_id, home, away) for n in range(first, first + rows)]))


def numbered(frame: pl.DataFrame, name: str = "NBA_2011_Shots.csv") -> pl.DataFrame:
    """Return published rows with the source columns that readers add."""
    return frame.drop("source_file", "source_row", strict=False).with_columns(
        source_file=pl.lit(name), source_row=pl.int_range(1, pl.len() + 1)
    )


def converted_twice(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with coordinates that went through the publisher's conversion a second time."""
    return frame.with_columns(LOC_X=-pl.col("LOC_X") / 10, LOC_Y=pl.col("LOC_Y") / 10 + 5.25)


def changed(frame: pl.DataFrame, row: int, **values: object) -> pl.DataFrame:
    """Return the frame with one row's (1-based) values replaced."""
    here = pl.col("source_row") == row
    return frame.with_columns(
        pl.when(here).then(pl.lit(value, frame.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )
