"""The league is the same on every machine: its published tables have one digest, committed here."""

import hashlib
import json

import polars as pl
import pytest

from parivision_assets.core.league import League, LeagueConfig, generate

GOLDEN = {
    "shots": "7a498f605e165564",
    "games": "889bcffc2ba17fb5",
    "odds": "d71ef01640fe6d35",
    "forecasts": "2da21c4ded45dc99",
    "tracking": "451b7e1eb32bcfaa",
    "schedule": "260af3b36c50be99",
}


def digest(frames: dict[int, pl.DataFrame] | pl.DataFrame) -> str:
    tables = list(frames.values()) if isinstance(frames, dict) else [frames]
    text = "".join(table.write_csv() for table in tables)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def published(league: League) -> dict[str, dict[int, pl.DataFrame] | pl.DataFrame]:
    names = ("shots", "games", "odds", "forecasts", "tracking", "schedule")
    return {name: getattr(league, name) for name in names}


@pytest.mark.parametrize("name", ["shots", "games", "odds", "forecasts", "tracking", "schedule"])
def test_published_tables_have_the_committed_digest(small_league: League, name: str) -> None:
    assert digest(published(small_league)[name]) == GOLDEN[name]


def test_the_same_seed_gives_the_same_league_and_another_gives_another(small_league: League) -> None:
    again = generate(LeagueConfig.small())
    other = generate(LeagueConfig.small(seed=21))
    for name, frames in published(small_league).items():
        assert digest(frames) == digest(published(again)[name])
    assert digest(other.shots) != digest(small_league.shots)
    assert digest(other.games) != digest(small_league.games)


def test_truth_is_the_same_too(small_league: League) -> None:
    again = generate(LeagueConfig.small())
    for season, truth in small_league.shot_truth.items():
        assert truth.equals(again.shot_truth[season])


def test_a_longer_league_has_the_same_first_season(small_league: League) -> None:
    short = generate(LeagueConfig.small(seasons=1))
    assert short.games[2022].equals(small_league.games[2022])


def test_configurations_have_digests_of_their_own() -> None:
    digests = {LeagueConfig.small(seed=seed).digest for seed in range(4)} | {LeagueConfig().digest}
    assert len(digests) == 5
    assert LeagueConfig().digest == LeagueConfig().digest


@pytest.mark.parametrize(
    ("field", "value"),
    [("teams", 7), ("teams", 2), ("teams", 32), ("games_per_team", 81), ("seasons", 0), ("shots_per_game", 5.0)],
)
def test_impossible_sizes_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        LeagueConfig(**{field: value})


def test_golden_is_readable() -> None:
    assert json.loads(json.dumps(GOLDEN)) == GOLDEN
