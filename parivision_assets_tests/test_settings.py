"""The one place that reads the environment: what it accepts, what it refuses and in which words."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.settings import DEFAULT_SECRETS, REAL_SEASONS, Settings, parse_seasons


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("PARIVISION_"):
            monkeypatch.delenv(name)


PRODUCTION = {
    "ENVIRONMENT": "production",
    "SHOTS_URL": "s3://bucket/shots",
    "DATABASE_URL": "postgresql://user:long-enough@db/parivision",
    "MLFLOW_TRACKING_URI": "http://mlflow:5000",
    "MLFLOW_TRACKING_PASSWORD": "a long one of its own",
}


def with_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"PARIVISION_{name}", value)
    return Settings()


def test_nothing_configured_is_the_embedded_league(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert (settings.environment, settings.uses_league) == ("embedded", True)
    assert settings.home == tmp_path / ".parivision"
    assert settings.season_keys == ["2022", "2023", "2024"]
    assert settings.source_url("shots") == str(tmp_path / ".parivision" / "league" / "shots")
    assert settings.ledger_url == f"sqlite:///{tmp_path / '.parivision' / 'ledger.db'}"
    assert list(tmp_path.iterdir()) == []


def test_archives_take_the_leagues_place(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = with_environment(monkeypatch, SHOTS_URL="../files", SEASONS="2015-2017,2020")
    assert not settings.uses_league
    assert settings.season_keys == ["2015", "2016", "2017", "2020"]
    assert settings.source_url("shots") == "../files"
    # What nobody configured is absent, whatever it is.
    assert [settings.source_url(name) for name in ("games", "odds", "tracking", "forecasts", "schedule")] == [None] * 5
    monkeypatch.delenv("PARIVISION_SEASONS")
    assert Settings().season_keys == [str(season) for season in REAL_SEASONS]


def test_production_loads_when_everything_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = with_environment(monkeypatch, **PRODUCTION)
    assert settings.ledger_url == "postgresql+psycopg://user:long-enough@db/parivision"
    assert settings.tracking_uri == PRODUCTION["MLFLOW_TRACKING_URI"]
    # A secret never shows in a log line.
    assert "long-enough" not in repr(settings)
    assert PRODUCTION["MLFLOW_TRACKING_PASSWORD"] not in repr(settings)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg_3(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    settings = with_environment(
        monkeypatch, DATABASE_URL=f"{scheme}://ann:pw%3A%2F%2F@db:5433/parivision?sslmode=require"
    )
    assert settings.ledger_url == "postgresql+psycopg://ann:pw%3A%2F%2F@db:5433/parivision?sslmode=require"


@pytest.mark.parametrize("url", ["mysql://db/parivision", "db/parivision", "postgresql+psycopg2://db/parivision"])
def test_a_database_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError, match="PARIVISION_DATABASE_URL must be postgresql://"):
        with_environment(monkeypatch, DATABASE_URL=url)


@pytest.mark.parametrize("name", ["DATABASE_URL", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"])
@pytest.mark.parametrize("value", [None, *sorted(DEFAULT_SECRETS)])
def test_production_refuses_a_missing_or_default_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    given_values = {**PRODUCTION, name: value}
    with pytest.raises(ValidationError, match=f"PARIVISION_{name}"):
        with_environment(monkeypatch, **{key: text for key, text in given_values.items() if text is not None})


def test_production_never_serves_the_league(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="never serves invented players"):
        with_environment(monkeypatch, **{key: value for key, value in PRODUCTION.items() if key != "SHOTS_URL"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("SEASONS", "soon"), ("SEASONS", ""), ("QUARANTINE_LIMIT", "0"), ("QUARANTINE_LIMIT", "1"), ("TODAY", "tomorrow"),
     ("ENVIRONMENT", "staging"), ("RETAINED_VERSIONS", "0"), ("LEAGUE_SIZE", "huge"), ("LOOP_COOL_DOWN_GAME_DAYS", "0"),
     ("LOOP_REPORT_EVERY_GAME_DAYS", "often"), ("ALERTMANAGER_URL", "alerts:9093")],
)  # fmt: skip
def test_a_wrong_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        with_environment(monkeypatch, **{name: value})


def test_the_loops_pace_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().loop.policy == LoopPolicy()
    found = with_environment(monkeypatch, LOOP_SETTLE_GAME_DAYS="3", LOOP_COOL_DOWN_GAME_DAYS="4").loop.policy
    assert found == LoopPolicy(settle_game_days=3, cool_down_game_days=4)


@given(st.sets(st.integers(1947, 2100), min_size=1, max_size=6))
def test_seasons_read_back_as_written(seasons: set[int]) -> None:
    assert parse_seasons(",".join(map(str, seasons))) == tuple(sorted(seasons))


@given(st.integers(1947, 2090), st.integers(0, 10))
def test_a_range_holds_both_ends(first: int, more: int) -> None:
    assert parse_seasons(f"{first}-{first + more}") == tuple(range(first, first + more + 1))


@given(st.text(max_size=12))
@example("²")
@example("2021-2015")
def test_any_text_gives_seasons_or_a_plain_refusal(text: str) -> None:
    try:
        found, refusal = parse_seasons(text), None
    except ValueError as error:
        found, refusal = (), str(error)
    assert found or str(refusal).startswith("seasons: ")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SIGN_LIMIT", "often", "couldn't parse rate limit string"),
        ("LEAST_STAKE_CENTS", "60000", "is above PARIVISION_BETS_MOST_STAKE_CENTS"),
    ],
)
def test_bets_that_nobody_could_place_are_refused_at_the_start(monkeypatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(f"PARIVISION_BETS_{name}", value)
    with pytest.raises(ValidationError, match=words):
        Settings()
