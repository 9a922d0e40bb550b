"""Everything one installation keeps, opened from its settings: landing zone, tables, bundles, registry, ledger.

Each store is its own module; this one only says where each lies. Nothing is created before first use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from parivision_assets.settings import Settings
from parivision_assets.stores.api_keys import ApiKeys
from parivision_assets.stores.bundles import BundleStore
from parivision_assets.stores.feed_positions import FeedPositions
from parivision_assets.stores.landing import LandingZone
from parivision_assets.stores.ledger import Ledger, utc_now
from parivision_assets.stores.prediction_log import PredictionLog
from parivision_assets.stores.registry import ModelRegistry
from parivision_assets.stores.reports import ReportStore
from parivision_assets.stores.served_predictions import ServedPredictions
from parivision_assets.stores.tables import TableStore

if TYPE_CHECKING:
    from parivision_assets.stores.bets import Bets


@dataclass(frozen=True)
class Home:
    """The stores of one installation; `clock` gives the moment, in UTC, at which the ledger's entries are recorded."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now

    @property
    def root(self) -> Path:
        """Return the folder under which everything is written."""
        return self.settings.home

    @property
    def data_docs(self) -> Path:
        """Return the folder of Great Expectations' Data Docs."""
        return self.root / "data_docs"

    @property
    def dagster(self) -> Path:
        """Return DAGSTER_HOME."""
        return self.root / "dagster"

    @cached_property
    def landing(self) -> LandingZone:
        """Return the landing zone: bytes as received."""
        return LandingZone(self.root / "landing")

    @cached_property
    def tables(self) -> TableStore:
        """Return the table store."""
        return TableStore(self.root / "tables")

    @cached_property
    def bundles(self) -> BundleStore:
        """Return the store of serving bundles."""
        return BundleStore(self.root / "bundles")

    @cached_property
    def feed_positions(self) -> FeedPositions:
        """Return how far VirtualBets' feed is published and read."""
        return FeedPositions(self.root / "feed")

    @cached_property
    def reports(self) -> ReportStore:
        """Return the store of drift reports."""
        return ReportStore(self.root / "reports")

    @cached_property
    def served(self) -> ServedPredictions:
        """Return the served predictions, kept before their outcomes are known."""
        return ServedPredictions(self.root / "served_predictions")

    @cached_property
    def registry(self) -> ModelRegistry:
        """Return the model registry."""
        password = self.settings.mlflow_tracking_password
        login = None if password is None else (self.settings.mlflow_tracking_username, password.get_secret_value())
        return ModelRegistry(self.settings.tracking_uri, self.root / "mlflow" / "artifacts", login)

    @cached_property
    def ledger(self) -> Ledger:
        """Return the ledger of decisions."""
        return Ledger.open(self.settings.ledger_url, self.clock)

    @cached_property
    def prediction_log(self) -> PredictionLog:
        """Return the log of the answers that were given."""
        return PredictionLog.open(self.settings.prediction_log_url, self.settings.api.log_queue_rows)

    @cached_property
    def bets(self) -> Bets:
        """Return the play-money bets."""
        # Only VirtualBets and its asset need it: an API worker starts a tenth of a second sooner without.
        from parivision_assets.stores.bets import Bets

        return Bets.open(self.settings.bets_url, self.clock)

    @cached_property
    def api_keys(self) -> ApiKeys:
        """Return the keys with which programs ask the API."""
        return ApiKeys(self.ledger, self.clock)

    @property
    def has_bets(self) -> bool:
        """Return whether there is a bets' database; an embedded one begins when VirtualBets first starts."""
        url = self.settings.bets_url
        return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()
