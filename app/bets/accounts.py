"""Accounts over HTTP: sign-up, sign-in, balance and movements, limits and a pause."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.security import HTTPAuthorizationCredentials

from app.bets.models import (
    NOTICE,
    Account,
    Entries,
    Entry,
    Limits,
    LimitState,
    LimitsWanted,
    NewAccount,
    PauseWanted,
    Session,
    SignIn,
    SignUp,
)
from app.bets.service import ACCOUNT_PROBLEMS, STORE_PROBLEMS, Service, Token
from app.problems import Problem, responses
from parivision_assets.core.betting_limits import Limit, LimitChange, limits_at, waiting_at
from parivision_assets.stores.bet_players import NicknameTakenError, Player, UnknownCodeError

PROBLEMS = {
    "nickname-refused": "This cannot be a nickname; `detail` has the rule.",
    "nickname-taken": "Somebody plays under this nickname, or one that differs in case only. Choose another.",
    "unknown-code": "No account has this recovery code. Check it letter by letter, or sign up.",
}
Before = Annotated[int | None, Query(ge=1, le=2**53, description="Only what is older than this number")]
Count = Annotated[int, Query(ge=1, le=500, description="How many, at most")]


def accounts_router(service: Service) -> APIRouter:
    """Return the addresses of accounts."""
    router = APIRouter(tags=["account"], prefix="/v1")
    too_many = {429: "Too many sign-ups and sign-ins from one address", **STORE_PROBLEMS}

    refused = {409: "The nickname is taken", 422: "A value breaks a rule, or this cannot be a nickname", **too_many}

    @router.post("/accounts", status_code=201, responses=responses(refused))
    def sign_up(request: Request, wanted: SignUp) -> NewAccount:
        """Begin to play: you get coins of play money, a token, and a recovery code that is told only now."""
        service.check_signing(request)
        try:
            made = service.players.sign_up(
                wanted.nickname, service.home.settings.bets.welcome_cents, service.token_life
            )
        except NicknameTakenError as error:
            raise Problem(409, "nickname-taken", "The nickname is taken", str(error)) from error
        except ValueError as error:
            raise Problem(422, "nickname-refused", "This cannot be a nickname", f"{error}.") from error
        return NewAccount(recovery_code=str(made.recovery_code), **_session(made.player, made.token))

    @router.post("/sessions", status_code=201, responses=responses({401: "No account has this code", **too_many}))
    def sign_in(request: Request, wanted: SignIn) -> Session:
        """Return to an account by its recovery code: you get a new token, and the old one ends."""
        service.check_signing(request)
        try:
            found = service.players.sign_in(wanted.recovery_code, service.token_life)
        except UnknownCodeError as error:
            raise Problem(401, "unknown-code", "No account has this recovery code", str(error)) from error
        return Session(**_session(found.player, found.token))

    @router.get("/account", responses=responses(ACCOUNT_PROBLEMS))
    def account(token: Token) -> Account:
        """Return your balance, limits and pause."""
        return _account(service, token)

    @router.get("/account/entries", responses=responses(ACCOUNT_PROBLEMS))
    def entries(token: Token, before: Before = None, limit: Count = 50) -> Entries:
        """Return the movements of your account, the newest first."""
        rows = service.players.entries(service.player(token).player_id, before, limit)
        listed = [
            Entry(
                transfer_id=row.transfer_id,
                amount_cents=row.amount_cents,
                kind=row.kind,
                bet_id=row.bet_id,
                recorded_at=dt.datetime.fromisoformat(row.recorded_at),
            )
            for row in rows
        ]
        following = rows[-1].transfer_id if len(rows) == limit else None
        return Entries(entries=listed, next_before=following, notice=NOTICE)

    @router.put("/account/limits", responses=responses(ACCOUNT_PROBLEMS))
    def set_limits(token: Token, wanted: LimitsWanted) -> Account:
        """Limit yourself. Stricter limits hold at once, looser ones after 24 hours; what is left out stays."""
        given = {
            limit: getattr(wanted, f"{limit.value}_cents")
            for limit in Limit
            if f"{limit.value}_cents" in wanted.model_fields_set
        }
        service.players.change_limits(service.player(token).player_id, given)
        return _account(service, token)

    @router.post("/account/pause", responses=responses(ACCOUNT_PROBLEMS))
    def pause(token: Token, wanted: PauseWanted) -> Account:
        """Pause: no bets are taken from you for so long. A pause can be made longer, never shorter."""
        service.players.pause(service.player(token).player_id, dt.timedelta(hours=wanted.hours))
        return _account(service, token)

    return router


def _session(player: Player, token: str) -> dict[str, Any]:
    return {
        "nickname": player.nickname,
        "token": token,
        "token_expires_at": player.token_expires_at,
        "balance_cents": player.balance_cents,
        "notice": NOTICE,
    }


def _account(service: Service, token: HTTPAuthorizationCredentials | None) -> Account:
    player = service.player(token)
    changes = service.players.limits(player.player_id)
    spent, now = service.players.spent(player.player_id), service.home.clock()
    in_force, waiting = limits_at(changes, now), waiting_at(changes, now)
    states = {limit.value: _limit_state(in_force[limit], waiting.get(limit)) for limit in Limit}
    used = {
        "daily_stake_used_cents": spent.daily_stake_cents,
        "weekly_loss_used_cents": spent.weekly_loss_cents,
    }
    return Account(
        nickname=player.nickname,
        balance_cents=player.balance_cents,
        staked_cents=player.staked_cents,
        paused_until=player.paused_until if player.paused_until and player.paused_until > now else None,
        limits=Limits.model_validate({**states, **used}),
        notice=NOTICE,
    )


def _limit_state(in_force_cents: int | None, waiting: LimitChange | None) -> LimitState:
    if waiting is None:
        return LimitState(in_force_cents=in_force_cents)
    return LimitState(in_force_cents=in_force_cents, waiting_cents=waiting.most_cents, waiting_until=waiting.holds_from)
