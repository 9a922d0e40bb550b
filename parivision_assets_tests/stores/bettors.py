"""Players and bets for tests, in a world whose clock stands still unless it is moved."""

import datetime as dt
from dataclasses import dataclass, field
from itertools import count

from parivision_assets.core.betting import Side
from parivision_assets.core.betting_rules import BetGame, House, KnownResults
from parivision_assets.stores.bet_players import SignedIn
from parivision_assets.stores.bet_settling import Settled
from parivision_assets.stores.bets import Bet, BetOrder, Bets

SEASON = 2024
FIRST_DAY = dt.date(2024, 1, 10)
HOUSE = House(least_stake_cents=100, most_stake_cents=100_000)
LIFE = dt.timedelta(days=30)


def game(number: int = 0, date: dt.date = FIRST_DAY) -> BetGame:
    home = f"H{number:02d}"
    return BetGame(f"{date.isoformat()}_AWY_{home}", SEASON, date, home, "AWY")


@dataclass
class World:
    """A bets' database, the moment and the platform's date."""

    where: str
    now: dt.datetime = dt.datetime(2024, 1, 9, 12, tzinfo=dt.UTC)
    today: dt.date = FIRST_DAY - dt.timedelta(days=1)
    numbers: count = field(default_factory=count)

    def __post_init__(self) -> None:
        self.bets = Bets.open(self.where, lambda: self.now)

    def join(self, name: str | None = None, welcome_cents: int = 100_000) -> SignedIn:
        return self.bets.players.sign_up(name or f"player {next(self.numbers)}", welcome_cents, LIFE)

    def order(self, player_id: int, stake_cents: int = 1_000, **changes) -> BetOrder:
        chosen = {"game": game(), "side": Side.HOME, "odds_hundredths": 191, "odds_source": "champion",
                  "idempotency_key": f"key {next(self.numbers)}", "request_digest": "digest", **changes}  # fmt: skip
        return BetOrder(player_id=player_id, stake_cents=stake_cents, **chosen)

    def place(self, player_id: int, stake_cents: int = 1_000, **changes) -> Bet:
        return self.bets.place(self.order(player_id, stake_cents, **changes), HOUSE, self.today)

    def settle(self, home_wins: dict[str, bool], today: dt.date = FIRST_DAY, **known) -> Settled:
        return self.bets.settling.settle(SEASON, KnownResults(today, home_wins, **known))

    def balance(self, player: SignedIn) -> int:
        return self.bets.players.player(player.token).balance_cents
