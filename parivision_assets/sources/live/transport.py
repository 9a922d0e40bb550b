"""Asking the service: one client with timeouts, retries, a circuit breaker per endpoint and a polite pace.

Whether one answer is usable belongs to `judge`, what it means to `convert`. Needs the extra `live`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pybreaker
import requests
import tenacity
from nba_api.stats.library.http import NBAStatsHTTP

from parivision_assets.sources.live.answers import Receipt
from parivision_assets.sources.live.errors import CircuitOpenError, LiveUnavailableError
from parivision_assets.sources.live.judge import (
    TransientError,
    check_status,
    parse_json,
    read_body,
)
from parivision_assets.sources.live.settings import Clock, LiveSettings


@dataclass(frozen=True)
class Answer:
    """One parsed answer and its receipt."""

    payload: dict[str, Any]
    receipt: Receipt


class _ClockedStorage(pybreaker.CircuitMemoryStorage):
    """The breaker's memory on an injected monotonic clock; the wall clock may jump."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(pybreaker.STATE_CLOSED)
        self._monotonic = monotonic
        self._opened_s: float | None = None

    @property
    def opened_at(self) -> dt.datetime | None:
        if self._opened_s is None:
            return None
        return dt.datetime.now(dt.UTC) - dt.timedelta(seconds=self._monotonic() - self._opened_s)

    @opened_at.setter
    def opened_at(self, _value: dt.datetime) -> None:
        self._opened_s = self._monotonic()


class _Pace:
    """Lets a request begin no sooner than the polite interval after the one before."""

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = clock.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            delay_s = self._next_s - self._clock.monotonic()
            if delay_s > 0:
                self._clock.sleep(delay_s)
            self._next_s = self._clock.monotonic() + self._interval_s


class StatsClient:
    """Asks the service's endpoints; keep one per process, so that pace and breakers are shared."""

    def __init__(
        self,
        settings: LiveSettings,
        clock: Clock,
        keep: Callable[[Receipt, bytes], None] | None = None,
    ) -> None:
        """Build the client; `keep` is given every accepted answer's bytes as received, for the landing zone."""
        self._settings = settings
        self._clock = clock
        self._keep = keep
        self._pace = _Pace(settings.min_interval_s, clock)
        self._breakers: dict[str, pybreaker.CircuitBreaker] = {}
        self._last_problem: dict[str, str] = {}
        self._session = requests.Session()
        self._session.hooks["response"].append(self._receive)
        self._http = _http_class(settings)
        self._http.set_session(self._session)

    def close(self) -> None:
        """Close the connections; the client may still be used and opens new ones."""
        self._session.close()

    def ask(self, endpoint: str, parameters: Mapping[str, object]) -> Answer:
        """Return the endpoint's answer as parsed JSON with its receipt.

        Raises:
            CircuitOpenError: the endpoint failed too often in a row and was not asked.
            LiveUnavailableError: it refused, failed or answered garbage, also after the retries.
            LiveFormatError: the JSON is no object.
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._settings.attempts),
            wait=self._wait_s,
            retry=tenacity.retry_if_exception(self._is_worth_another),
            sleep=self._clock.sleep,
            reraise=True,
        )
        breaker = self._breaker(endpoint)
        try:
            answer: Answer = retrying(breaker.call, self._attempt, endpoint, dict(parameters))
        except pybreaker.CircuitBreakerError as error:
            raise CircuitOpenError(
                endpoint,
                f"not asked, because it failed {self._settings.breaker_failures} times in a row, "
                f"last: {self._last_problem[endpoint]}",
                f"wait {self._settings.breaker_reset_s:g} s, then run again; what was landed before stays",
            ) from error
        except TransientError as error:
            tries = retrying.statistics.get("attempt_number", 1)
            problem = f"{error.problem} ({tries} attempt{'s' if tries > 1 else ''})"
            raise LiveUnavailableError(endpoint, problem, error.next_step) from error
        return answer

    def _breaker(self, endpoint: str) -> pybreaker.CircuitBreaker:
        if endpoint not in self._breakers:
            self._breakers[endpoint] = pybreaker.CircuitBreaker(
                fail_max=self._settings.breaker_failures,
                reset_timeout=self._settings.breaker_reset_s,
                exclude=[lambda error: not isinstance(error, TransientError)],
                state_storage=_ClockedStorage(self._clock.monotonic),
                name=endpoint,
                throw_new_error_on_trip=False,
            )
        return self._breakers[endpoint]

    def _is_worth_another(self, error: BaseException) -> bool:
        if not isinstance(error, TransientError):
            return False
        return error.is_retried and error.wait_s <= self._settings.backoff_max_s

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        """Double from the first wait up to the limit, half of it at random; never less than the service asks for."""
        exponential_s = min(
            self._settings.backoff_first_s * 2.0 ** (state.attempt_number - 1), self._settings.backoff_max_s
        )
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.wait_s if isinstance(error, TransientError) else 0.0
        return max(exponential_s * (0.5 + 0.5 * self._clock.chance()), asked_s)

    def _attempt(self, endpoint: str, parameters: dict[str, object]) -> Answer:
        self._pace.wait()
        try:
            return self._ask_once(endpoint, parameters)
        except TransientError as error:
            self._last_problem[endpoint] = error.problem
            raise

    def _ask_once(self, endpoint: str, parameters: dict[str, object]) -> Answer:
        timeout_s = (self._settings.connect_timeout_s, self._settings.read_timeout_s)
        try:
            response = self._http().send_api_request(
                endpoint, parameters, proxy=self._settings.proxy or "", timeout=timeout_s
            )
        except requests.Timeout as error:
            raise TransientError(f"no answer within {self._settings.read_timeout_s:g} s") from error
        except requests.RequestException as error:
            raise TransientError(f"no connection or a broken answer ({type(error).__name__})") from error
        text: str = response.get_response()
        payload = parse_json(endpoint, text)
        body = text.encode()
        receipt = Receipt(endpoint, response.get_url(), hashlib.sha256(body).hexdigest(), len(body))
        if self._keep is not None:
            self._keep(receipt, body)
        return Answer(payload, receipt)

    def _receive(self, response: requests.Response, *_args: object, **_options: object) -> None:
        """Judge the status and read the body under a deadline, before requests would read it without one."""
        if response.is_redirect:
            return
        try:
            check_status(response)
            body = read_body(response, self._settings, self._clock.monotonic)
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise TransientError("the answer is not UTF-8 text") from error
        finally:
            response.close()
        response.raw = io.BytesIO(body)
        # Without this, requests guesses the encoding of megabytes, slowly and sometimes wrongly.
        response.encoding = "utf-8"


def _http_class(settings: LiveSettings) -> type[NBAStatsHTTP]:
    """Return the package's HTTP class pointed at the configured address, leaving the package's own untouched."""
    own = settings.base_url == LiveSettings.base_url
    # The package names its host and offers brotli, which requests cannot decode unless another package is there.
    kept = {name: value for name, value in NBAStatsHTTP.headers.items() if own or name != "Host"}

    class ConfiguredHTTP(NBAStatsHTTP):  # type: ignore[misc, unused-ignore]
        base_url = settings.base_url.rstrip("/") + "/{endpoint}"
        headers = {**kept, "Accept-Encoding": "gzip, deflate"}  # noqa: RUF012 - the package declares it so

        def clean_contents(self, contents: str) -> str:
            """Keep the service's own words; they are judged by `judge.parse_json`."""
            return contents

    return ConfiguredHTTP
