"""The one place that reads the environment. Everything configurable is a validated field here.

What a setting means to the domain (a training window, a gate level) is declared in the core; this module only says
which values this installation uses.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from parivision_assets.core.adaptation import LoopPolicy
from parivision_assets.core.feed_plan import FeedPlan
from parivision_assets.core.league.config import LeagueConfig

REAL_SEASONS = tuple(range(2004, 2022))
"""Seasons of the publishers' archives as of the first release; set PARIVISION_SEASONS for others."""

DEFAULT_SECRETS = frozenset({"", "admin", "changeme", "parivision", "password", "secret"})

POSTGRESQL_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
"""What people and hosting services write for PostgreSQL."""


def parse_seasons(text: str) -> tuple[int, ...]:
    """Return sorted seasons from text such as `2015-2021` or `2004,2006-2008`.

    Raises:
        ValueError: when a part is neither a year nor a range of years.
    """
    seasons: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise ValueError(f"seasons: '{part}' is neither a year nor a range; write 2021 or 2015-2021")
        seasons.update(range(int(first), int(last or first) + 1))
    if not seasons:
        raise ValueError(f"seasons: '{text}' holds no season; write 2021 or 2015-2021")
    return tuple(sorted(seasons))


def known_rate(text: str) -> str:
    """Return a rate such as `20/minute` as it is; raise ValueError where the limits library cannot read it."""
    from limits import parse

    parse(text)
    return text


class LeagueSettings(BaseSettings):
    """The synthetic league that stands in when no publisher's files are configured."""

    model_config = SettingsConfigDict(env_prefix="PARIVISION_LEAGUE_", frozen=True)

    seed: int = Field(default=22, ge=0)
    size: Literal["full", "small"] = "full"
    first_season: int = Field(default=2022, ge=1947, le=2100)
    seasons: int = Field(default=3, ge=2, le=30)
    published_until: dt.date | None = Field(
        default=None, description="Hold back what is played after this date; a full league's last fortnight by default"
    )


class LoopSettings(BaseSettings):
    """The adaptation loop's pace, in game days."""

    model_config = SettingsConfigDict(env_prefix="PARIVISION_LOOP_", frozen=True)

    report_every_game_days: int = Field(
        default=LoopPolicy.report_every_game_days, ge=1, description="A drift report at least this often"
    )
    cool_down_game_days: int = Field(
        default=LoopPolicy.cool_down_game_days, ge=1, description="New games before a report causes another training"
    )
    settle_game_days: int = Field(
        default=LoopPolicy.settle_game_days, ge=1, description="Games after a change before it is learnt"
    )
    patience_game_days: int = Field(
        default=LoopPolicy.patience_game_days, ge=1, description="Games in which a challenger may prove a change learnt"
    )
    follow_up_until_game_days: int = Field(
        default=LoopPolicy.follow_up_until_game_days, ge=1, description="A change is learnt again up to this long after"
    )

    @property
    def policy(self) -> LoopPolicy:
        """Return the loop's policy."""
        return LoopPolicy(**self.model_dump())


class ApiSettings(BaseSettings):
    """The PariVision API: who may ask, how much, and how fast it follows a promotion."""

    model_config = SettingsConfigDict(env_prefix="PARIVISION_API_", frozen=True, populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=1, le=65535)
    keys_required: bool | None = Field(
        default=None, description="None: in production, and wherever other machines can reach the service"
    )
    rate_limit: str = Field(default="600000/minute", description="Requests per key and worker, as `limits` writes them")
    max_body_bytes: int = Field(default=2_000_000, ge=1_000)
    cors_origins: tuple[str, ...] = ()
    refresh_s: float = Field(default=1.0, gt=0, le=5, description="How often champions and state are looked at")
    log_queue_rows: int = Field(
        default=10_000, ge=1_000, description="Predictions that may wait for the log; a whole batch must fit"
    )
    metrics_folder: Path | None = Field(
        default=None,
        validation_alias="PROMETHEUS_MULTIPROC_DIR",
        description="Where several workers share their figures; `parivision api --workers` sets it",
    )

    @field_validator("rate_limit")
    @classmethod
    def _known_limit(cls, value: str) -> str:
        return known_rate(value)


class BetsSettings(BaseSettings):
    """VirtualBets: its feed, the odds it offers and the rules of play money."""

    model_config = SettingsConfigDict(env_prefix="PARIVISION_BETS_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8800, ge=1, le=65535)
    odds: Literal["champion", "closing_line"] = "champion"
    margin: float = Field(default=0.045, ge=0, lt=0.2, description="Bookmaker's margin: implied probabilities' sum - 1")
    welcome_cents: int = Field(default=100_000, ge=0, description="Play money of a new player, in hundredths of a coin")
    least_stake_cents: int = Field(default=100, ge=1, description="Smallest stake of one bet")
    most_stake_cents: int = Field(default=50_000, ge=1, description="Largest stake of one bet")
    token_days: int = Field(default=30, ge=1, le=366, description="How long a sign-in lasts")
    sign_limit: str = Field(
        default="20/minute", description="Sign-ups and sign-ins from one address, as the limits library writes them"
    )
    refresh_s: float = Field(default=1.0, gt=0, le=60, description="How often the odds are looked at")
    max_body_bytes: int = Field(default=16_384, ge=1_000)
    feed_url: str | None = Field(
        default=None, description="What the feed sends: a file of feed records, or a folder of archives"
    )
    feed_season: int | None = Field(default=None, description="Season that the feed sends; the newest by default")
    feed_published_until: dt.date | None = Field(
        default=None, description="Days after this date come one by one; the league's held-back days by default"
    )
    feed_api_key: SecretStr | None = Field(
        default=None, description="Key with which `parivision feed` asks an API that requires one"
    )

    @field_validator("sign_limit")
    @classmethod
    def _known_limit(cls, value: str) -> str:
        return known_rate(value)

    @model_validator(mode="after")
    def _a_stake_is_possible(self) -> Self:
        if self.least_stake_cents > self.most_stake_cents:
            raise ValueError(
                f"PARIVISION_BETS_LEAST_STAKE_CENTS ({self.least_stake_cents}) is above "
                f"PARIVISION_BETS_MOST_STAKE_CENTS ({self.most_stake_cents}): nobody could bet"
            )
        return self


class Settings(BaseSettings):
    """All settings of one installation; environment variables carry the prefix `PARIVISION_`."""

    model_config = SettingsConfigDict(env_prefix="PARIVISION_", frozen=True)

    environment: Literal["embedded", "production"] = "embedded"
    home: Path = Path(".parivision")
    shots_url: str | None = None
    games_url: str | None = None
    odds_url: str | None = None
    tracking_url: str | None = None
    forecasts_url: str | None = None
    schedule_url: str | None = Field(default=None, description="Games to come; the archives replay theirs without one")
    feed_url: str | None = Field(
        default=None, description="Folder of day files, or VirtualBets' address, that the feed sensor watches"
    )
    seasons: Annotated[tuple[int, ...], NoDecode] = ()
    today: dt.date | None = None
    league: LeagueSettings = Field(default_factory=LeagueSettings)
    loop: LoopSettings = Field(default_factory=LoopSettings)
    api: ApiSettings = Field(default_factory=ApiSettings)
    bets: BetsSettings = Field(default_factory=BetsSettings)

    threads: int = Field(default=0, ge=0, description="Training threads; 0 means one per core")
    quarantine_limit: float = Field(default=0.01, gt=0, lt=1, description="Share of rows a season may quarantine")
    retained_versions: int = Field(default=3, ge=1, description="Versions kept per table partition beside pinned ones")

    database_url: SecretStr | None = None
    mlflow_tracking_uri: str | None = None
    mlflow_tracking_username: str = "parivision"
    mlflow_tracking_password: SecretStr | None = None
    dagster_url: str = Field(
        default="http://127.0.0.1:3070",
        pattern="^https?://",
        description="Where people open the UI, for links in alerts",
    )
    alertmanager_url: str | None = Field(
        default=None, pattern="^https?://", description="Alertmanager's address; alerts are logged without one"
    )

    @field_validator("seasons", mode="before")
    @classmethod
    def _seasons_from_text(cls, value: object) -> object:
        return parse_seasons(value) if isinstance(value, str) else value

    @field_validator("home", mode="after")
    @classmethod
    def _absolute_home(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @model_validator(mode="after")
    def _production_is_explicit(self) -> Self:
        if self.environment == "embedded":
            return self
        if self.uses_league:
            raise ValueError(
                "production needs PARIVISION_SHOTS_URL or PARIVISION_ODDS_URL: it never serves invented players"
            )
        for name in ("database_url", "mlflow_tracking_uri", "mlflow_tracking_password"):
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, SecretStr) else (value or "")
            if text in DEFAULT_SECRETS:
                raise ValueError(f"production needs PARIVISION_{name.upper()}; a missing or default value is refused")
        return self

    @model_validator(mode="after")
    def _known_database(self) -> Self:
        if self.database_url is not None:
            scheme = self.database_url.get_secret_value().partition("://")[0]
            if scheme not in {*POSTGRESQL_SCHEMES, "sqlite"}:
                raise ValueError("PARIVISION_DATABASE_URL must be postgresql://user:password@host/database")
        return self

    @property
    def uses_league(self) -> bool:
        """Return whether the synthetic league is the source, that is, no archive is configured."""
        return self.shots_url is None and self.games_url is None and self.odds_url is None

    @property
    def season_keys(self) -> list[str]:
        """Return the partition keys, oldest first."""
        if self.seasons:
            seasons = self.seasons
        elif self.uses_league:
            seasons = tuple(range(self.league.first_season, self.league.first_season + self.league.seasons))
        else:
            seasons = REAL_SEASONS
        return [str(season) for season in seasons]

    def source_url(self, dataset: str) -> str | None:
        """Return where a dataset is published: the configured URL, the league's folder, or None when nobody has it."""
        if self.uses_league:
            return str(self.home / "league" / dataset)
        url: str | None = getattr(self, f"{dataset}_url")
        return url

    def league_config(self) -> LeagueConfig:
        """Return the synthetic league that these settings describe."""
        league = self.league
        small = league.size == "small"
        teams, games = (8, 20) if small else (30, 82)
        # So that a newcomer sees games to come, and can land more days.
        fortnight_before_end = None if small else dt.date(league.first_season + league.seasons - 1, 4, 1)
        return LeagueConfig(
            league.seed,
            league.first_season,
            league.seasons,
            teams=teams,
            games_per_team=games,
            published_until=league.published_until or fortnight_before_end,
        )

    def feed_plan(self) -> FeedPlan:
        """Return what VirtualBets sends: its own source where one is set, else what the platform reads."""
        bets, datasets = self.bets, ("shots", "games", "odds")
        if bets.feed_url is not None:
            plan = FeedPlan(urls=dict.fromkeys(datasets, bets.feed_url))
        elif self.uses_league:
            league = self.league_config()
            plan = FeedPlan(league, published_until=league.published_until)
        else:
            plan = FeedPlan(urls={name: self.source_url(name) for name in datasets})
        return replace(plan, season=bets.feed_season, published_until=bets.feed_published_until or plan.published_until)

    @property
    def tracking_uri(self) -> str:
        """Return MLflow's tracking URI: the configured server, or SQLite under the home."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def ledger_url(self) -> str:
        """Return the ledger's database URL: the configured database (through psycopg 3), or SQLite under the home."""
        return self._database("ledger")

    @property
    def prediction_log_url(self) -> str:
        """Return the prediction log's database URL."""
        return self._database("predictions")

    @property
    def bets_url(self) -> str:
        """Return the bets' database URL."""
        return self._database("bets")

    def _database(self, name: str) -> str:
        """Return the one PostgreSQL database, or a SQLite file of its own: SQLite has one writer per file."""
        if self.database_url is not None:
            scheme, _, rest = self.database_url.get_secret_value().partition("://")
            return f"{'postgresql+psycopg' if scheme in POSTGRESQL_SCHEMES else scheme}://{rest}"
        return f"sqlite:///{self.home / f'{name}.db'}"
