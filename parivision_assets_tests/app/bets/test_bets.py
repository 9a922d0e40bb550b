"""VirtualBets as players meet it: accounts, odds, bets, limits, ranking; and each kind of bad input."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app.bets import PROBLEMS, create_app
from app.bets.models import NOTICE
from app.bets.odds import read_board
from app.bets.published import Published
from parivision_assets.core.contracts import GAME_PREDICTIONS, GAMES, SCHEDULE
from parivision_assets.core.game_odds import known_results
from parivision_assets.settings import Settings
from parivision_assets.sources.publication import held_back
from parivision_assets.stores.home import Home
from parivision_assets_tests.app.bets.house import CHAMPION, TODAY, TOMORROW, coming, key, open_house, played, predicted
from parivision_assets_tests.small_platform import publish


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_house(tmp_path / "home")


@pytest.fixture
def client(home: Home) -> Iterator[TestClient]:
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as made:
        yield made
    home.bets.close()


class Bettor:
    """A player with a token."""

    def __init__(self, client: TestClient, name: str = "Ann") -> None:
        self.client = client
        made = client.post("/v1/accounts", json={"nickname": name})
        assert made.status_code == 201, made.text
        self.account = made.json()
        self.headers = {"Authorization": f"Bearer {self.account['token']}"}
        self.numbers = iter(range(1_000_000))

    def get(self, path: str, **query):
        return self.client.get(path, headers=self.headers, params=query)

    def bet(self, number: int = 0, stake_cents: object = 1_000, odds: object = 159, idempotency: str = "", **changes):
        body = {"game_key": key(number), "side": "home", "stake_cents": stake_cents, "odds_hundredths": odds, **changes}
        headers = {**self.headers, "Idempotency-Key": idempotency or f"key-{next(self.numbers)}"}
        return self.client.post("/v1/bets", json=body, headers=headers)

    def balance(self) -> int:
        return self.get("/v1/account").json()["balance_cents"]


def is_problem(answer, status: int, slug: str) -> dict:
    document = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"/problems#{slug}"), document
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(document["detail"]) > 10
    return document


def settle(home: Home, results: dict[int, bool], today: dt.date = TOMORROW) -> None:
    home.tables.write(GAMES.name, "2024", played(results))
    home.bets.settling.settle(2024, known_results(today, played(results), None, None))


def test_a_player_signs_up_bets_wins_and_is_ranked(client: TestClient, home: Home) -> None:
    ann = Bettor(client)
    board = client.get("/v1/odds").json()
    assert (board["today"], board["source"], board["league"]) == (
        "2024-01-09", "champion", "synthetic league, invented players",
    )  # fmt: skip
    assert [game["game_key"] for game in board["games"]] == [key(0), key(1)]
    game = client.get(f"/v1/odds/{key(0)}").json()
    assert (game["home_odds"], game["away_odds"], game["home_probability"]) == ("1.59", "2.39", 0.6)
    assert (game["champion"], game["predicted_on"]) == (CHAMPION, "2024-01-09")
    assert game["margin"] == pytest.approx(0.045, abs=0.01)
    assert (game["today"], game["source"], game["is_synthetic"]) == ("2024-01-09", "champion", True)
    placed = ann.bet()
    assert placed.status_code == 201
    assert placed.json() | {"placed_at": ""} == {
        "bet_id": 1, "game_key": key(0), "game_date": "2024-01-10", "home_team": "NYK", "away_team": "BOS",
        "side": "home", "stake_cents": 1_000, "odds_hundredths": 159, "odds": "1.59", "payout_if_won_cents": 1_590,
        "odds_source": "champion", "fair_probability": 0.6, "champion": CHAMPION, "placed_at": "",
        "placed_on": "2024-01-09", "balance_after_cents": 99_000, "notice": NOTICE,
    }  # fmt: skip
    assert ann.balance() == 99_000
    settle(home, {0: True})
    (bet,) = ann.get("/v1/bets", state="settled").json()["bets"]
    assert (bet["outcome"], bet["paid_cents"], bet["settled_times"]) == ("won", 1_590, 1)
    assert bet["closing_line_value"] == pytest.approx(1.59 * 0.58 - 1)
    assert ann.get("/v1/bets/1").json() == bet
    assert ann.balance() == 100_590
    (line,) = client.get("/v1/leaderboard").json()["players"]
    assert (line["rank"], line["nickname"], line["profit_cents"]) == (1, "Ann", 590)
    kinds = [entry["kind"] for entry in ann.get("/v1/account/entries").json()["entries"]]
    assert kinds == ["won", "returned", "stake", "welcome"]


def test_everything_about_money_says_that_it_is_play_money(client: TestClient) -> None:
    ann = Bettor(client)
    ann.bet()
    paths = (
        "/",
        "/v1/odds",
        f"/v1/odds/{key(0)}",
        "/v1/account",
        "/v1/account/entries",
        "/v1/bets",
        "/v1/bets/1",
        "/v1/leaderboard",
    )
    answers = [ann.account, *(ann.get(path).json() for path in paths)]
    answers.append(ann.get("/v1/suggested-stake", game_key=key(0), side="home").json())
    assert {answer["notice"] for answer in answers} == {NOTICE}
    assert NOTICE in client.get("/openapi.json").json()["info"]["description"]


def test_the_same_key_gives_the_same_answer_whatever_happened_since(client: TestClient, home: Home) -> None:
    ann = Bettor(client)
    first = ann.bet(idempotency="once")
    home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([0.7, 0.5, None], TODAY))
    assert is_problem(ann.bet(), 409, "odds-moved")["odds_hundredths"] == 136
    assert ann.bet(idempotency="once").content == first.content
    settle(home, {0: True})
    assert ann.bet(idempotency="once").content == first.content
    assert ann.balance() == 100_590
    is_problem(ann.bet(idempotency="once", stake_cents=2_000), 422, "key-reused")
    is_problem(ann.bet(), 404, "unknown-game")


def test_odds_that_moved_are_told_and_may_be_taken(client: TestClient) -> None:
    ann = Bettor(client)
    moved = is_problem(ann.bet(odds=170), 409, "odds-moved")
    assert (moved["odds_hundredths"], moved["odds"], moved["side"]) == (159, "1.59", "home")
    assert ann.bet(odds=moved["odds_hundredths"]).status_code == 201


def test_a_game_that_left_the_schedule_or_began_is_not_on_offer(client: TestClient, home: Home) -> None:
    ann = Bettor(client)
    home.tables.write(SCHEDULE.name, "2024", coming().filter(pl_key() != key(1)))
    is_problem(ann.bet(1, odds=191), 404, "unknown-game")
    home.tables.write(GAMES.name, "2024", played({2: True}, TOMORROW))
    assert client.get("/v1/odds").json()["games"] == []
    is_problem(ann.bet(), 404, "unknown-game")


def test_no_bet_is_taken_on_a_day_that_the_feed_has_published(tmp_path: Path) -> None:
    home = open_house(tmp_path / "home", refresh_s=60)
    feed = held_back(home.settings.feed_plan())
    assert feed is not None
    with TestClient(create_app(home.settings)) as client:
        ann = Bettor(client)
        assert ann.bet().status_code == 201
        # `parivision feed` publishes the day: the board is read again only in a minute, the platform knows it later.
        home.feed_positions.publish(feed.name, TOMORROW)
        is_problem(ann.bet(), 409, "betting-closed")
    with TestClient(create_app(home.settings)) as client:
        board = client.get("/v1/odds").json()
        assert (board["today"], board["games"]) == (str(TOMORROW), [])
    home.bets.close()


def test_no_game_is_offered_whose_result_a_feed_of_archives_sends(tmp_path: Path) -> None:
    archives = publish(tmp_path / "published")
    urls = {f"{name}_url": str(getattr(archives, name)) for name in ("shots", "games", "odds")}
    home = open_house(tmp_path / "home")
    settings = home.settings.model_copy(update={**urls, "today": TODAY})
    sent = sorted(Published(Home(settings)).days_sent_whole())
    for day, offered in ((sent[-1], []), (sent[-1] + dt.timedelta(days=1), [key(0), key(1)])):
        eve = day - dt.timedelta(days=1)
        home.tables.write(SCHEDULE.name, "2024", SCHEDULE.conform(coming().with_columns(game_date=pl.lit(day))))
        dated = predicted([0.6, 0.5, None]).with_columns(game_date=pl.lit(day), as_of_date=pl.lit(eve))
        home.tables.write(GAME_PREDICTIONS.name, "2024", GAME_PREDICTIONS.conform(dated))
        on_eve = Home(settings.model_copy(update={"today": eve}))
        assert list(read_board(on_eve, Published(on_eve)).games) == offered


def pl_key():
    return pl.col("game_key")


def test_a_bet_after_closing_is_refused_by_the_books_themselves(tmp_path: Path) -> None:
    home = open_house(tmp_path / "home", refresh_s=60)
    with TestClient(create_app(home.settings)) as client:
        ann, bob = Bettor(client), Bettor(client, "Bob")
        ann.bet()
        # The game ended in the books, and the board does not know it yet.
        home.bets.settling.settle(2024, known_results(TOMORROW, played({0: True}), None, None))
        assert "has ended in the books" in is_problem(bob.bet(), 409, "betting-closed")["detail"]
    home.bets.close()


def test_a_game_that_ended_in_the_books_leaves_the_games_on_offer(client: TestClient, home: Home) -> None:
    ann = Bettor(client)
    ann.bet()
    assert len(client.get("/v1/odds").json()["games"]) == 2
    home.bets.settling.settle(2024, known_results(TODAY, played({0: True}), None, None))
    assert [game["game_key"] for game in client.get("/v1/odds").json()["games"]] == [key(1)]
    is_problem(ann.bet(), 404, "unknown-game")


@pytest.mark.parametrize(("probability", "side"), [(0.995, "home"), (1.0, "home"), (0.002, "away")])
def test_by_the_champions_own_probability_there_is_never_an_edge(client, home: Home, probability, side) -> None:
    home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([probability, 0.5, None]))
    found = Bettor(client).get("/v1/suggested-stake", game_key=key(0), side=side).json()
    assert (found["kelly_fraction"], found["probability"]) == (0.0, 0.99)


@pytest.mark.parametrize(
    ("stake_cents", "status", "slug"),
    [(99, 422, "stake-too-small"), (50_001, 422, "stake-too-large"), (40_000, 409, "balance-too-small")],
)
def test_stakes_have_bounds(client: TestClient, stake_cents, status, slug) -> None:
    ann = Bettor(client)
    for _ in range(2):
        ann.bet(stake_cents=35_000)
    assert is_problem(ann.bet(stake_cents=stake_cents), status, slug)["bound_cents"] in {100, 50_000, 30_000}
    assert ann.balance() == 30_000


def test_a_pause_and_a_limit_are_ones_own(client: TestClient) -> None:
    ann = Bettor(client)
    found = client.put("/v1/account/limits", headers=ann.headers, json={"stake_cents": 500}).json()
    assert found["limits"]["stake"] == {"in_force_cents": 500, "waiting_cents": None, "waiting_until": None}
    assert is_problem(ann.bet(), 403, "limit-reached")["bound_cents"] == 500
    found = client.put("/v1/account/limits", headers=ann.headers, json={"stake_cents": None}).json()
    assert found["limits"]["stake"]["in_force_cents"] == 500
    waits = dt.datetime.fromisoformat(found["limits"]["stake"]["waiting_until"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=23) < waits <= dt.timedelta(hours=24)
    assert ann.bet(stake_cents=500).status_code == 201
    paused = client.post("/v1/account/pause", headers=ann.headers, json={"hours": 24}).json()["paused_until"]
    refused = is_problem(ann.bet(stake_cents=100), 403, "paused")
    assert dt.datetime.fromisoformat(refused["until"]) == dt.datetime.fromisoformat(paused)
    assert client.post("/v1/account/pause", headers=ann.headers, json={"hours": 1}).json()["paused_until"] == paused


def test_a_recovery_code_opens_the_account_again(client: TestClient) -> None:
    ann = Bettor(client)
    again = client.post("/v1/sessions", json={"recovery_code": ann.account["recovery_code"].lower()})
    assert (again.status_code, again.json()["nickname"]) == (201, "Ann")
    assert "recovery_code" not in again.json()
    is_problem(ann.get("/v1/account"), 401, "unknown-token")
    is_problem(client.post("/v1/sessions", json={"recovery_code": "guess"}), 401, "unknown-code")


def test_tokens_are_asked_for_and_expire(client: TestClient, home: Home) -> None:
    ann = Bettor(client)
    missing = client.get("/v1/account")
    is_problem(missing, 401, "no-token")
    assert missing.headers["www-authenticate"] == "Bearer"
    is_problem(client.get("/v1/account", headers={"Authorization": "Bearer forged"}), 401, "unknown-token")
    is_problem(client.get("/v1/account", headers={"Authorization": "Basic eA=="}), 401, "no-token")
    with sa.create_engine(home.settings.bets_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("UPDATE bet_players SET token_expires_at = '2020-01-01T00:00:00.000000+00:00'")
    is_problem(ann.bet(), 401, "expired-token")


@pytest.mark.parametrize("name", ["a", "x" * 21, "ann\x00", "an\u202en", " ann", "<script>", ""])
def test_a_nickname_that_cannot_be_read_is_refused(client: TestClient, name: str) -> None:
    is_problem(client.post("/v1/accounts", json={"nickname": name}), 422, "nickname-refused")


def test_a_nickname_is_taken_once(client: TestClient) -> None:
    Bettor(client, "Ann")
    is_problem(client.post("/v1/accounts", json={"nickname": "ANN"}), 409, "nickname-taken")


GOOD = {"game_key": key(0), "side": "home", "stake_cents": 1_000, "odds_hundredths": 159}
AMOUNTS = ("NaN", "Infinity", "1e400", "10.5", '"1000"', "-5", "0", "9" * 30, "true", "null")
BAD_VALUES = [
    *(("stake_cents", value) for value in AMOUNTS),
    *(("odds_hundredths", value) for value in ("NaN", "100", "1.59", "-Infinity")),
    ("side", '"draw"'),
    ("game_key", '""'),
    ("game_key", f'"{"x" * 50}"'),
    ("wager", "1"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_value_that_breaks_a_rule_is_named(client: TestClient, name: str, value: str) -> None:
    ann = Bettor(client)
    parts = [
        f"{json.dumps(part)}: {value if part == name else json.dumps(GOOD.get(part))}" for part in {**GOOD, name: 0}
    ]
    headers = {**ann.headers, "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = client.post("/v1/bets", content="{" + ", ".join(parts) + "}", headers=headers)
    assert is_problem(answer, 422, "invalid")["errors"][0]["field"] == name
    assert ann.balance() == 100_000


@pytest.mark.parametrize(
    ("body", "content_type", "status", "slug"),
    [
        (b"{", "application/json", 400, "not-json"),
        (b"\xff\xfe", "application/json", 400, "not-json"),
        (b'{"stake_cents": ' + b"9" * 6_000 + b"}", "application/json", 400, "not-json"),
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b"[" + b" " * 20_000, "application/json", 413, "too-large"),
        (b"[]", "application/json", 422, "invalid"),
    ],
)
def test_a_bad_body_has_its_own_answer(client: TestClient, body, content_type, status, slug) -> None:
    ann = Bettor(client)
    headers = {**ann.headers, "Idempotency-Key": "k", "Content-Type": content_type}
    is_problem(client.post("/v1/bets", content=body, headers=headers), status, slug)


@pytest.mark.parametrize("idempotency", ["", " ", "two words", "x" * 65, "\u00e9"])
def test_an_idempotency_key_is_asked_for(client: TestClient, idempotency: str) -> None:
    ann = Bettor(client)
    headers = {**ann.headers, "Idempotency-Key": idempotency.encode("latin-1")}
    found = is_problem(client.post("/v1/bets", json=GOOD, headers=headers), 422, "invalid")
    assert found["errors"][0]["field"].lower() == "idempotency-key"
    is_problem(client.post("/v1/bets", json=GOOD, headers=ann.headers), 422, "invalid")


def test_my_bets_are_nobody_elses(client: TestClient) -> None:
    ann, bob = Bettor(client), Bettor(client, "Bob")
    ann.bet()
    is_problem(bob.get("/v1/bets/1"), 404, "no-such-bet")
    assert bob.get("/v1/bets").json()["bets"] == []


def test_lists_come_in_pages(client: TestClient) -> None:
    ann = Bettor(client)
    for _ in range(5):
        ann.bet(stake_cents=100)
    page = ann.get("/v1/bets", limit=3).json()
    rest = ann.get("/v1/bets", limit=3, before=page["next_before"]).json()
    assert [bet["bet_id"] for bet in page["bets"] + rest["bets"]] == [5, 4, 3, 2, 1]
    assert rest["next_before"] is None
    first = ann.get("/v1/account/entries", limit=4).json()
    rest = ann.get("/v1/account/entries", limit=4, before=first["next_before"]).json()
    assert [entry["kind"] for entry in rest["entries"]] == ["stake", "welcome"]


def test_a_suggested_stake_is_a_quarter_of_kelly_within_limits(client: TestClient) -> None:
    ann = Bettor(client)
    none = ann.get("/v1/suggested-stake", game_key=key(0), side="home").json()
    assert (none["suggested_stake_cents"], none["probability"]) == (0, 0.6)
    assert "No edge: at 1.59 a bet pays from 62.9%" in none["reason"]
    own = ann.get("/v1/suggested-stake", game_key=key(1), side="away", probability=0.6).json()
    # 1.91 at 0.6: Kelly stakes (1.91 * 0.6 - 1) / 0.91 = 16 %, a quarter of it 4 %.
    assert own["kelly_fraction"] == pytest.approx(0.146 / 0.91)
    assert own["suggested_stake_cents"] == 4_010
    client.put("/v1/account/limits", headers=ann.headers, json={"daily_stake_cents": 700})
    assert ann.get("/v1/suggested-stake", game_key=key(1), side="away", probability=0.9).json()[
        "suggested_stake_cents"] == 700  # fmt: skip
    for value in ("nan", "inf", "-0.1", "2"):
        answer = ann.get("/v1/suggested-stake", game_key=key(0), side="home", probability=value)
        is_problem(answer, 422, "invalid")


def test_signing_is_limited_per_address(tmp_path: Path) -> None:
    home = open_house(tmp_path / "home", sign_limit="3/minute")
    with TestClient(create_app(home.settings)) as client:
        for number in range(3):
            Bettor(client, f"player {number}")
        answer = client.post("/v1/sessions", json={"recovery_code": "guess"})
        is_problem(answer, 429, "too-many-requests")
        assert 0 < int(answer.headers["retry-after"]) <= 62
    home.bets.close()


def test_odds_may_come_from_closing_lines(tmp_path: Path) -> None:
    home = open_house(tmp_path / "home", odds="closing_line")
    with TestClient(create_app(home.settings)) as client:
        # Nobody publishes a line for the league's coming games.
        assert client.get("/v1/odds").json()["games"] == []


def test_a_home_where_nothing_landed_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "empty")
    with TestClient(create_app(settings)) as client:
        is_problem(client.get("/v1/odds"), 503, "no-odds")
        assert client.get("/readyz").json()["games_on_offer"] == 0


def test_probes_and_figures(client: TestClient) -> None:
    ann = Bettor(client)
    ann.bet(stake_cents=700)
    ann.bet(odds=500)
    client.get("/nowhere")
    assert client.get("/livez").text == "alive\n"
    ready = client.get("/readyz").json()
    assert ready == {"today": "2024-01-09", "games_on_offer": 2, "is_synthetic": True, "problem": None}
    text = client.get("/metrics").text
    for line in (
        "parivision_bets_taken_total 1.0",
        'parivision_bets_refused_total{reason="odds-moved"} 1.0',
        "parivision_bets_open 1.0",
        "parivision_bets_open_stakes_cents 700.0",
        "parivision_bets_games_on_offer 2.0",
        'parivision_bets_requests_total{method="GET",route="elsewhere",status="404"} 1.0',
    ):
        assert line in text


def test_a_damaged_table_leaves_the_odds_of_before(client: TestClient, home: Home) -> None:
    assert len(client.get("/v1/odds").json()["games"]) == 2
    path = home.tables.version(GAME_PREDICTIONS.name, "2024").path
    home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([0.7, 0.5, None]))
    newer = home.tables.version(GAME_PREDICTIONS.name, "2024").path
    assert newer != path
    newer.write_bytes(b"flipped" + newer.read_bytes()[7:])
    assert client.get(f"/v1/odds/{key(0)}").json()["home_probability"] == 0.6


@pytest.mark.parametrize("damage", ["bytes", "columns"])
def test_while_the_odds_cannot_be_read_no_bets_are_taken(client: TestClient, home: Home, caplog, damage: str) -> None:
    ann = Bettor(client)
    first = ann.bet(idempotency="once")
    if damage == "bytes":
        home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([0.7, 0.5, None]))
        newer = home.tables.version(GAME_PREDICTIONS.name, "2024").path
        newer.write_bytes(b"flipped" + newer.read_bytes()[7:])
    else:
        home.tables.write(SCHEDULE.name, "2024", coming().drop("game_date"))
    is_problem(ann.bet(), 503, "odds-away")
    assert ann.bet(idempotency="once").content == first.content
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["games_on_offer"]) == (200, 2)
    assert str(home.root) not in ready.text
    assert ready.json()["problem"] == PROBLEMS["odds-away"]
    assert "the odds cannot be read" in caplog.text
    home.tables.write(GAME_PREDICTIONS.name, "2024", predicted([0.6, 0.5, None]))
    home.tables.write(SCHEDULE.name, "2024", coming())
    assert ann.bet().status_code == 201
    assert client.get("/readyz").json()["problem"] is None


def test_every_problem_is_described(client: TestClient) -> None:
    page = client.get("/problems").text
    assert all(f'id="{slug}"' in page for slug in PROBLEMS)
