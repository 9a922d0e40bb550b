"""Bets over HTTP: placing one once, at the odds seen; what became of it; how much Kelly would stake."""

from __future__ import annotations

import datetime as dt
import hashlib
from fractions import Fraction
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Path, Query

from app.bets.accounts import Before, Count
from app.bets.models import NOTICE, BetList, BetState, BetWanted, GameKey, PlacedBet, Side, Suggestion
from app.bets.odds import decimal_text, odds_away, unknown_game
from app.bets.service import ACCOUNT_PROBLEMS, Service, Token
from app.problems import Problem, responses
from parivision_assets.core import betting
from parivision_assets.core.betting_limits import limits_at, most_stake_cents
from parivision_assets.core.betting_rules import Refused, coins
from parivision_assets.core.game_odds import OfferedGame
from parivision_assets.stores.bet_players import Player
from parivision_assets.stores.bets import Bet, BetOrder, BetRefusedError, KeyReusedError

PROBLEMS = {
    "odds-moved": "The odds are no longer those you saw; `odds_hundredths` has the new ones. Send the bet again with "
    "them and a new Idempotency-Key, if you still want it.",
    Refused.CLOSED: "Bets on this game are no longer taken.",
    Refused.PAUSED: "You paused betting; `until` says when the pause ends.",
    Refused.STAKE_TOO_SMALL: "The stake is below the smallest; `bound_cents` has it.",
    Refused.STAKE_TOO_LARGE: "The stake is above the largest; `bound_cents` has it.",
    Refused.LIMIT: "A limit that you set leaves less; `bound_cents` says how much.",
    Refused.BALANCE: "The stake is above your balance, which is in `bound_cents`.",
    "key-reused": "This Idempotency-Key came with another bet before. A new bet needs a new key.",
    "no-such-bet": "You have no bet of this number. GET /v1/bets lists yours.",
}
STATUS = {
    Refused.CLOSED: 409,
    Refused.PAUSED: 403,
    Refused.STAKE_TOO_SMALL: 422,
    Refused.STAKE_TOO_LARGE: 422,
    Refused.LIMIT: 403,
    Refused.BALANCE: 409,
}
TITLES = {
    Refused.CLOSED: "Betting on this game is closed",
    Refused.PAUSED: "You paused betting",
    Refused.STAKE_TOO_SMALL: "The stake is too small",
    Refused.STAKE_TOO_LARGE: "The stake is too large",
    Refused.LIMIT: "Your own limit is reached",
    Refused.BALANCE: "The balance is too small",
}
KEY_RULE = "A key of your choice for this bet, 1 to 64 visible ASCII characters: with it a bet is taken once at most"
Key = Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,64}$", description=KEY_RULE)]
PLACING = {
    **ACCOUNT_PROBLEMS,
    403: "You paused, or your own limit is reached",
    404: "No bets are taken on this game",
    409: "The odds moved, betting is closed, or the balance is too small",
    422: "A value breaks a rule, the stake is too small or too large, or the key came with another bet",
}


def bets_router(service: Service) -> APIRouter:
    """Return the addresses of bets."""
    router = APIRouter(tags=["bets"], prefix="/v1")

    @router.post("/bets", status_code=201, responses=responses(PLACING))
    def place(token: Token, wanted: BetWanted, idempotency_key: Key) -> PlacedBet:
        """Bet on a game. The same key with the same bet gives the same answer, however often it is sent."""
        try:
            bet = _place(service, service.player(token), wanted, idempotency_key)
        except Problem as problem:
            service.metrics.refused(problem.slug)
            raise
        service.metrics.taken()
        return PlacedBet(**_placed(bet))

    @router.get("/bets", responses=responses(ACCOUNT_PROBLEMS))
    def bets(
        token: Token, state: Literal["open", "settled"] | None = None, before: Before = None, limit: Count = 50
    ) -> BetList:
        """Return your bets, the newest first."""
        found = service.bets.bets_of(service.player(token).player_id, state, before, limit)
        following = found[-1].bet_id if len(found) == limit else None
        return BetList(bets=[_state(bet) for bet in found], next_before=following, notice=NOTICE)

    @router.get("/bets/{bet_id}", responses=responses({**ACCOUNT_PROBLEMS, 404: "You have no such bet"}))
    def bet_of_number(token: Token, bet_id: Annotated[int, Path(ge=1, le=2**53)]) -> BetState:
        """Return one of your bets."""
        found = service.bets.bet(service.player(token).player_id, bet_id)
        if found is None:
            raise Problem(404, "no-such-bet", "You have no such bet", f"None of your bets has the number {bet_id}.")
        return _state(found)

    @router.get(
        "/suggested-stake",
        responses=responses({**ACCOUNT_PROBLEMS, 404: "No bets are taken on this game"}),
    )
    def suggested_stake(
        token: Token,
        game_key: GameKey,
        side: Side,
        probability: Annotated[float | None, Query(ge=0, le=1, description="Your own; else the champion's")] = None,
        share: Annotated[float, Query(gt=0, le=1, description="How much of Kelly's stake")] = 0.25,
    ) -> Suggestion:
        """Return what a share of Kelly's stake would be: a figure, no advice, and nothing is placed."""
        return _suggestion(service, service.player(token), service.odds.offered(game_key), side, (probability, share))

    return router


def _place(service: Service, player: Player, wanted: BetWanted, key: str) -> Bet:
    digest = hashlib.sha256(orjson.dumps(wanted.model_dump(), option=orjson.OPT_SORT_KEYS)).hexdigest()
    board = service.odds.board()
    offered = board.games.get(wanted.game_key)
    side = betting.Side(wanted.side)
    try:
        if (
            service.odds.problem is not None
            or offered is None
            or board.today is None
            or offered.odds.of(side) != wanted.odds_hundredths
        ):
            taken = service.bets.remembered(player.player_id, key, digest)
            if taken is not None:
                return taken
            if service.odds.problem is not None:
                raise odds_away()
            raise unknown_game(board, wanted.game_key) if offered is None else _odds_moved(offered, side, wanted)
        order = BetOrder(
            player_id=player.player_id,
            game=offered.game,
            side=side,
            stake_cents=wanted.stake_cents,
            odds_hundredths=wanted.odds_hundredths,
            odds_source=service.home.settings.bets.odds,
            idempotency_key=key,
            request_digest=digest,
            fair_probability=None if offered.home_probability is None else side.probability(offered.home_probability),
            champion=offered.champion,
        )
        return service.bets.place(order, service.house, board.today, service.feed.newest_known)
    except KeyReusedError as error:
        raise Problem(422, "key-reused", "The key came with another bet", str(error)) from error
    except BetRefusedError as error:
        raise _refused(error) from error


def _odds_moved(offered: OfferedGame, side: betting.Side, wanted: BetWanted) -> Problem:
    odds = offered.odds.of(side)
    seen = decimal_text(wanted.odds_hundredths)
    detail = f"They are {decimal_text(odds)} now, you saw {seen}. Send the bet with the new odds, if you still want it."
    return Problem(
        409, "odds-moved", "The odds moved", detail, odds_hundredths=odds, odds=decimal_text(odds), side=side.value
    )


def _refused(error: BetRefusedError) -> Problem:
    why = error.refusal
    extra: dict[str, Any] = {}
    if why.bound_cents is not None:
        extra["bound_cents"] = why.bound_cents
    if why.until is not None:
        extra["until"] = why.until.isoformat()
    return Problem(STATUS[why.reason], why.reason.value, TITLES[why.reason], f"{why.words}.", **extra)


def _suggestion(
    service: Service,
    player: Player,
    offered: OfferedGame,
    side: Literal["home", "away"],
    wanted: tuple[float | None, float],
) -> Suggestion:
    own, share = wanted
    chosen = betting.Side(side)
    odds = offered.odds.of(chosen)
    home = offered.home_probability
    champions = None if home is None else betting.held_within(chosen.probability(home))
    probability = own if own is not None else champions
    if probability is None:
        probability = chosen.probability(offered.odds.implied_home_probability)
    now = service.home.clock()
    in_force = limits_at(service.players.limits(player.player_id), now)
    ceiling = min(player.balance_cents, service.house.most_stake_cents)
    most = most_stake_cents(in_force, service.players.spent(player.player_id), ceiling)
    stake = betting.suggested_stake_cents(player.balance_cents, probability, odds, most, Fraction(share))
    edge = betting.kelly_fraction(probability, odds)
    if edge == 0:
        reason = f"No edge: at {decimal_text(odds)} a bet pays from {100 / odds:.1%} on, and {probability:.1%} is less."
    elif stake < service.house.least_stake_cents:
        stake, reason = (
            0,
            f"An edge, but the stake would be below the smallest, {coins(service.house.least_stake_cents)}.",
        )
    else:
        reason = f"{share:.0%} of Kelly's {float(edge):.1%} of your balance, within your limits."
    return Suggestion(
        game_key=offered.game.game_key,
        side=side,
        odds_hundredths=odds,
        probability=probability,
        kelly_fraction=float(edge),
        share=share,
        suggested_stake_cents=stake,
        most_stake_cents=most,
        reason=reason,
        notice=NOTICE,
    )


def _placed(bet: Bet) -> dict[str, Any]:
    """Return what never changes of a bet: the answer to placing it, each time."""
    return {
        "bet_id": bet.bet_id,
        "game_key": bet.game_key,
        "game_date": bet.game_date,
        "home_team": bet.home_team,
        "away_team": bet.away_team,
        "side": bet.side,
        "stake_cents": bet.stake_cents,
        "odds_hundredths": bet.odds_hundredths,
        "odds": decimal_text(bet.odds_hundredths),
        "payout_if_won_cents": betting.payout_cents(bet.stake_cents, bet.odds_hundredths),
        "odds_source": bet.odds_source,
        "fair_probability": bet.fair_probability,
        "champion": bet.champion,
        "placed_at": dt.datetime.fromisoformat(bet.placed_at),
        "placed_on": bet.placed_on,
        "balance_after_cents": bet.balance_after_cents,
        "notice": NOTICE,
    }


def _state(bet: Bet) -> BetState:
    closing = bet.closing_probability
    result = {
        "outcome": bet.outcome,
        "settled_times": bet.version,
        "payout_cents": bet.payout_cents,
        "paid_cents": bet.paid_cents,
        "closing_line_value": None if closing is None else betting.closing_line_value(bet.odds_hundredths, closing),
    }
    return BetState.model_validate({**_placed(bet), **result})
