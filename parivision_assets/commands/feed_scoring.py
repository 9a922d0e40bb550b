"""A day of the feed scored by the API as its games go on: each shot and game once, before its outcome is published.

What was scored is what the prediction log holds: it is asked at the start and after every failure.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx
import orjson
import polars as pl
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from parivision_assets.commands.console import Steps
from parivision_assets.core.feed_questions import ComingShot, coming_games
from parivision_assets.core.game_target import GAME
from parivision_assets.core.targets import SHOT_PRE_RELEASE
from parivision_assets.errors import CommandError
from parivision_assets.stores.home import Home

BATCH_SHOTS = 1_000
"""The API's most for one call."""
TICK_S = 0.25
"""How often shots are sent while games go on."""
AWAY_S = 60.0
"""How long an API that is away, starting or busy is waited for."""
AGAIN_S = 1.0
_PLACE = re.compile(r"shots\[(\d+)\]")


@dataclass
class LivedDay:
    """One day as it was lived. `before` were scored by a run that was cut short, `refused` the API cannot answer."""

    day: dt.date
    shots: int = 0
    games: int = 0
    before: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _AwayError(Exception):
    """The API did not answer, or answered that it cannot now."""


@dataclass(frozen=True)
class Scorer:
    """Asks the API about a day's shots and games, each once; `speed` is seconds of play a second (0: no pauses)."""

    home: Home
    api: httpx.Client
    speed: float
    say: Steps

    def score(self, day: dt.date, shots: Sequence[ComingShot], games: pl.DataFrame) -> LivedDay:
        """Score what is not scored yet. Raises CommandError where the API stays away or refuses a key."""
        lived, started = LivedDay(day), time.perf_counter()
        lived.before = len(self._scored(day, SHOT_PRE_RELEASE.name)) + len(self._scored(day, GAME.name))
        try:
            # An answer that got lost may be in the log: what is left is looked up again each time.
            Retrying(
                retry=retry_if_exception_type(_AwayError),
                stop=stop_after_delay(AWAY_S),
                wait=wait_fixed(AGAIN_S),
                reraise=True,
            )(self._score_rest, lived, shots, games)
        except _AwayError as error:
            raise CommandError(f"{error}. Start the API (`make up`) and run this again; it goes on here") from error
        lived.seconds = time.perf_counter() - started
        return lived

    def _score_rest(self, lived: LivedDay, shots: Sequence[ComingShot], games: pl.DataFrame) -> None:
        done = self._scored(lived.day, GAME.name)
        for game in coming_games(games):
            if game.game_key not in done:
                self._ask("/v1/games/predict", game)
                lived.games += 1
        done = self._scored(lived.day, SHOT_PRE_RELEASE.name) | set(lived.refused)
        rest = [shot for shot in shots if _key(shot) not in done]
        for batch in self._as_played(rest):
            self._score_shots(lived, batch)
            self.say.say(f"{lived.day}: {lived.shots:,} of {len(shots):,} shots scored")

    def _score_shots(self, lived: LivedDay, batch: list[ComingShot]) -> None:
        """Score a batch; shots that the API cannot answer are left out by name and the others asked again."""
        while batch:
            answer = self._ask("/v1/shots/predict-batch", {"shots": [shot.question for shot in batch]})
            if answer.is_success:
                lived.shots += len(batch)
                return
            places = {int(place) for place in _PLACE.findall(answer.text)}
            if not places:
                raise CommandError(f"the API refused shots of {lived.day}: {answer.text[:300]}")
            lived.refused += [_key(batch[place]) for place in sorted(places)]
            batch = [shot for place, shot in enumerate(batch) if place not in places]

    def _as_played(self, shots: Sequence[ComingShot]) -> Iterator[list[ComingShot]]:
        """Yield shots in batches, each when its time has come."""
        if not self.speed:
            yield from (list(shots[start : start + BATCH_SHOTS]) for start in range(0, len(shots), BATCH_SHOTS))
            return
        begin, next_shot = time.perf_counter(), 0
        first_s = shots[0].elapsed_s if shots else 0
        while next_shot < len(shots):
            played_s = first_s + (time.perf_counter() - begin) * self.speed
            until = next_shot
            while until < min(len(shots), next_shot + BATCH_SHOTS) and shots[until].elapsed_s <= played_s:
                until += 1
            if until > next_shot:
                yield list(shots[next_shot:until])
                next_shot = until
            else:
                time.sleep(TICK_S)

    def _ask(self, path: str, question: object) -> httpx.Response:
        try:
            answer = self.api.post(path, content=orjson.dumps(question), headers={"Content-Type": "application/json"})
        except httpx.TransportError as error:
            raise _AwayError(f"{self._where} does not answer ({error or type(error).__name__})") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise _AwayError(f"{self._where} answered {answer.status_code}: {in_words(answer)}")
        if not answer.is_success and answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            raise CommandError(f"{self._where} answered {answer.status_code}: {in_words(answer)}")
        if not answer.is_success and path != "/v1/shots/predict-batch":
            raise CommandError(f"the API refused a question ({in_words(answer)})")
        return answer

    @property
    def _where(self) -> str:
        return f"the API at {self.api.base_url}"

    def _scored(self, day: dt.date, target: str) -> set[str]:
        events = self.home.prediction_log.events(day, day)
        return set(events.filter(pl.col("target") == target)["event"])


def _key(shot: ComingShot) -> str:
    event = shot.question.event
    return "" if event is None else event.key


def in_words(answer: httpx.Response) -> str:
    """Return what an answer that is no success says."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
