"""What VirtualBets is sent and what it answers. Amounts are whole hundredths of a play coin, odds whole hundredths."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NOTICE = (
    "Play money only: coins cannot be bought, sold, exchanged or paid out. There is no real money anywhere in this "
    "service."
)
MOST_CENTS = 10**12
"""Larger amounts are refused as invalid: a bound for numbers that nobody means."""

Cents = Annotated[int, Field(ge=0, le=MOST_CENTS, strict=True)]
Notice = Annotated[str, Field(description="That this is play money", examples=[NOTICE])]
GameKey = Annotated[str, Field(min_length=1, max_length=40, examples=["2024-04-02_SAC_DAL"])]
Side = Annotated[Literal["home", "away"], Field(description="On whom the bet is")]


class Wanted(BaseModel):
    """A body: unknown members are refused, so that a slip of the pen is not ignored."""

    model_config = ConfigDict(extra="forbid")


class SignUp(Wanted):
    """A new account."""

    nickname: str = Field(max_length=200, examples=["Ann 22"], description="How you appear in the ranking")


class SignIn(Wanted):
    """A return to an account."""

    recovery_code: str = Field(max_length=200, examples=["7K3QF-…"], description="The code told at sign-up")


class Session(BaseModel):
    """A sign-in; the token goes into the header `Authorization: Bearer …`."""

    nickname: str
    token: str
    token_expires_at: dt.datetime
    balance_cents: int
    notice: Notice


class NewAccount(Session):
    """A new account; the recovery code is told only now."""

    recovery_code: str = Field(description="Write it down: nobody can tell it again")


class LimitState(BaseModel):
    """One of your own limits."""

    in_force_cents: int | None = Field(description="null: no limit")
    waiting_cents: int | None = Field(default=None, description="What will hold; null may also mean: no limit")
    waiting_until: dt.datetime | None = Field(default=None, description="From when on; null: nothing waits")


class Limits(BaseModel):
    """Your own limits, and what counts towards them."""

    stake: LimitState = Field(description="On the stake of one bet")
    daily_stake: LimitState = Field(description="On all stakes of the last 24 hours")
    weekly_loss: LimitState = Field(description="On losses of the last 7 days, open stakes counted as lost")
    daily_stake_used_cents: int
    weekly_loss_used_cents: int = Field(description="Negative after a lucky week")


class Account(BaseModel):
    """Your account."""

    nickname: str
    balance_cents: int
    staked_cents: int = Field(description="Stakes of open bets")
    paused_until: dt.datetime | None
    limits: Limits
    notice: Notice


class LimitsWanted(Wanted):
    """Limits to set; what is left out stays, null lifts. Stricter ones hold at once, looser ones after 24 hours."""

    stake_cents: Cents | None = None
    daily_stake_cents: Cents | None = None
    weekly_loss_cents: Cents | None = None


class PauseWanted(Wanted):
    """A pause: no bets are taken from you while it lasts, and it cannot be made shorter."""

    hours: int = Field(ge=1, le=1008, strict=True, examples=[24], description="One hour to six weeks")


class Entry(BaseModel):
    """One movement of your account."""

    transfer_id: int
    amount_cents: int = Field(description="Negative where it left your account")
    kind: str = Field(description="welcome, stake, returned, won or correction")
    bet_id: int | None
    recorded_at: dt.datetime


class Entries(BaseModel):
    """Movements of your account, the newest first."""

    entries: list[Entry]
    next_before: int | None = Field(description="Ask with `before` set to it for older ones; null: there are none")
    notice: Notice


class OddsGame(BaseModel):
    """A game on offer."""

    game_key: GameKey
    game_date: dt.date
    home_team: str
    away_team: str
    home_odds_hundredths: int = Field(examples=[159], description="159 is 1.59: a stake of 10.00 returns 15.90")
    away_odds_hundredths: int = Field(examples=[239])
    home_odds: str = Field(examples=["1.59"])
    away_odds: str = Field(examples=["2.39"])
    margin: float = Field(description="Sum of the implied probabilities - 1: what the odds keep back")
    home_probability: float | None = Field(description="The champion's own probability, without any margin")
    champion: str | None = Field(description="Digest of the model that said so")
    predicted_on: dt.date | None = Field(description="The platform's date when it said so")


class OddsBoard(BaseModel):
    """The games on offer."""

    today: dt.date = Field(description="The platform's date: games of later dates are open")
    source: Literal["champion", "closing_line"]
    league: str | None = Field(description="Said where teams' players are invented")
    is_synthetic: bool = Field(description="Whether this is the synthetic league, with invented players")
    notice: Notice
    games: list[OddsGame]


class OddsOfGame(OddsGame):
    """One game on offer, and of when and of which league it is."""

    today: dt.date = Field(description="The platform's date: bets are taken while the game's is later")
    source: Literal["champion", "closing_line"]
    is_synthetic: bool = Field(description="Whether this is the synthetic league, with invented players")
    notice: Notice


class BetWanted(Wanted):
    """A bet, at the odds that you saw."""

    game_key: GameKey
    side: Side
    stake_cents: int = Field(ge=1, le=MOST_CENTS, strict=True, examples=[1000], description="1000 is 10.00 coins")
    odds_hundredths: int = Field(ge=101, le=1_000_000, strict=True, examples=[159], description="The odds you saw")


class PlacedBet(BaseModel):
    """A bet as it was taken; nothing of it changes any more."""

    bet_id: int
    game_key: str
    game_date: dt.date
    home_team: str
    away_team: str
    side: Side
    stake_cents: int
    odds_hundredths: int
    odds: str
    payout_if_won_cents: int
    odds_source: str
    fair_probability: float | None = Field(description="The champion's probability for your side")
    champion: str | None
    placed_at: dt.datetime
    placed_on: dt.date = Field(description="The platform's date")
    balance_after_cents: int
    notice: Notice


class BetState(PlacedBet):
    """A bet and what became of it."""

    outcome: Literal["won", "lost", "void"] | None = Field(description="null while the game is open")
    settled_times: int = Field(description="More than once after a corrected result")
    payout_cents: int
    paid_cents: int = Field(description="Above the payout where a correction found less on your account")
    closing_line_value: float | None = Field(description="Expected gain per coin staked, judged by the closing line")


class BetList(BaseModel):
    """Your bets, the newest first."""

    bets: list[BetState]
    next_before: int | None = Field(description="Ask with `before` set to it for older ones; null: there are none")
    notice: Notice


class Suggestion(BaseModel):
    """What fractional Kelly would stake."""

    game_key: str
    side: Side
    odds_hundredths: int
    probability: float
    kelly_fraction: float = Field(description="Share of the balance that full Kelly would stake; 0 without an edge")
    share: float = Field(description="How much of it is suggested")
    suggested_stake_cents: int
    most_stake_cents: int = Field(description="What balance and limits allow")
    reason: str
    notice: Notice


class RankedPlayer(BaseModel):
    """One line of the ranking; void bets do not count."""

    rank: int
    nickname: str
    settled_bets: int
    staked_cents: int
    profit_cents: int
    closing_line_value: float | None


class Leaderboard(BaseModel):
    """The best players."""

    by: Literal["profit", "closing_line_value"]
    players: list[RankedPlayer]
    notice: Notice
