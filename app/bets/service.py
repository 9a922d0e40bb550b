"""What the addresses of VirtualBets share: the stores, who asks, how often somebody may sign, and what is counted."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import limits
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.bets.metrics import BetsMetrics
from app.bets.odds import OddsDesk
from app.bets.published import Published
from app.problems import Problem
from parivision_assets.core.betting_rules import House
from parivision_assets.stores.bet_players import BetPlayers, Player, TokenError
from parivision_assets.stores.bets import Bets
from parivision_assets.stores.home import Home

PROBLEMS = {
    "no-token": "This address is about your account. Send the header Authorization: Bearer …, with the token that "
    "sign-up or sign-in gave.",
    "unknown-token": "No account has this token: it was mistyped, or ended when you signed in again. Sign in with "
    "your recovery code.",
    "expired-token": "The token's time is over. Sign in with your recovery code.",
    "too-many-requests": "Too many sign-ups or sign-ins came from your address. Wait as long as Retry-After says.",
    "store-away": "The bets' database does not answer. Nothing was lost; try again with the same Idempotency-Key.",
}
_log = logging.getLogger("parivision.bets")
_bearer = HTTPBearer(auto_error=False, description="The token that sign-up or sign-in gave")
Token = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
STORE_PROBLEMS = {503: "The bets' database does not answer"}
ACCOUNT_PROBLEMS = {401: "No token, a forged one or an expired one", **STORE_PROBLEMS}


@dataclass
class Service:
    """One installation's VirtualBets."""

    home: Home
    metrics: BetsMetrics = field(default_factory=BetsMetrics)

    @property
    def bets(self) -> Bets:
        """Return the bets."""
        return self.home.bets

    @property
    def players(self) -> BetPlayers:
        """Return the players."""
        return self.bets.players

    @cached_property
    def odds(self) -> OddsDesk:
        """Return the odds on offer."""
        return OddsDesk(self.home, self.feed)

    @cached_property
    def feed(self) -> Published:
        """Return how much of the feed is sent."""
        return Published(self.home)

    @property
    def house(self) -> House:
        """Return the smallest and largest stake."""
        bets = self.home.settings.bets
        return House(bets.least_stake_cents, bets.most_stake_cents)

    @property
    def token_life(self) -> dt.timedelta:
        """Return how long a sign-in lasts."""
        return dt.timedelta(days=self.home.settings.bets.token_days)

    def player(self, token: HTTPAuthorizationCredentials | None) -> Player:
        """Return who asks. Raises Problem without a good token."""
        if token is None:
            raise _unauthorised("no-token", "A token is needed")
        try:
            return self.players.player(token.credentials)
        except TokenError as error:
            slug, title = ("expired-token", "The token has expired") if error.expired else (
                "unknown-token", "The token is not known")  # fmt: skip
            raise _unauthorised(slug, title, str(error)) from error

    @cached_property
    def _signing(self) -> tuple[limits.RateLimitItem, MovingWindowRateLimiter]:
        return limits.parse(self.home.settings.bets.sign_limit), MovingWindowRateLimiter(MemoryStorage())

    def check_signing(self, request: Request) -> None:
        """Count a sign-up or sign-in from an address. Raises Problem when there were too many."""
        item, limiter = self._signing
        address = request.client.host if request.client else ""
        if limiter.hit(item, address):
            return
        reset = dt.datetime.fromtimestamp(limiter.get_window_stats(item, address).reset_time, dt.UTC)
        wait_s = max(1, round((reset - dt.datetime.now(dt.UTC)).total_seconds()) + 1)
        raise Problem(
            429,
            "too-many-requests",
            "Too many sign-ups and sign-ins",
            f"At most {item} come from one address. Try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )


def _unauthorised(slug: str, title: str, detail: str | None = None) -> Problem:
    return Problem(401, slug, title, detail or PROBLEMS[slug], headers={"WWW-Authenticate": "Bearer"})


def log_fault(error: Exception) -> None:
    """Record why the store did not answer, for whoever runs the service."""
    _log.error("the bets' store: %s", error)
