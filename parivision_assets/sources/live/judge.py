"""Whether one answer of the service is usable: its status, its body, its JSON.

Asking, waiting and asking again belong to `transport`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import requests
import urllib3

from parivision_assets.sources.live.errors import LiveFormatError
from parivision_assets.sources.live.settings import LiveSettings

CHUNK_BYTES = 64 * 1024
RETRIED_STATUS = frozenset({408, 425, 429})
ASK_LATER = "run again later; what was landed before stays as it was"


class TransientError(Exception):
    """One attempt failed in a way that another attempt may mend."""

    def __init__(self, problem: str, wait_s: float = 0.0, next_step: str = ASK_LATER) -> None:
        """Keep what was wrong, the wait the service asked for in seconds, and what a person may do."""
        super().__init__(problem)
        self.problem = problem
        self.wait_s = wait_s
        self.next_step = next_step
        self.is_retried = True


class RefusedError(TransientError):
    """The service refuses us: it counts for the breaker, but asking again at once would make it worse."""

    def __init__(self, problem: str, next_step: str) -> None:
        """Keep what was wrong and what a person may do."""
        super().__init__(problem, next_step=next_step)
        self.is_retried = False


def read_body(response: requests.Response, settings: LiveSettings, monotonic: Callable[[], float]) -> bytes:
    """Return the decoded body; a server that drips bytes or never ends is given up on.

    Raises:
        TransientError: too slow, stalled or cut off.
        RefusedError: larger than `max_answer_bytes`.
    """
    deadline_s = monotonic() + settings.answer_timeout_s
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if monotonic() > deadline_s:
                raise TransientError(f"the answer was not complete after {settings.answer_timeout_s:g} s")
            if size > settings.max_answer_bytes:
                raise RefusedError(
                    f"the answer is larger than {settings.max_answer_bytes} bytes",
                    "ask for less (a date instead of a season) or raise max_answer_bytes",
                )
    except urllib3.exceptions.ReadTimeoutError as error:
        raise TransientError(f"the answer stalled for {settings.read_timeout_s:g} s") from error
    except urllib3.exceptions.HTTPError as error:
        raise TransientError(f"the answer was cut off ({type(error).__name__})") from error
    return b"".join(chunks)


def check_status(response: requests.Response) -> None:
    """Raise TransientError or RefusedError unless the status is 200."""
    status = response.status_code
    if status == 200:
        return
    if status in RETRIED_STATUS or status >= 500:
        raise TransientError(f"HTTP status {status}", wait_s=_retry_after_s(response))
    if status in {401, 403}:
        raise RefusedError(
            f"HTTP status {status}: the service refuses this machine",
            "the service blocks many cloud addresses: run from another network, set the live source's proxy, "
            "or use the archives",
        )
    raise RefusedError(
        f"HTTP status {status}",
        "check the live source's base_url and that the installed nba_api is current (`pip install -U nba_api`)",
    )


def _retry_after_s(response: requests.Response) -> float:
    """Return the wait the service asks for in seconds, 0 when it names none or a date."""
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isdecimal() else 0.0


def parse_json(endpoint: str, text: str) -> dict[str, Any]:
    """Return the JSON object, or say what came instead."""
    stripped = text.strip()
    if not stripped:
        raise TransientError("an empty body")
    if stripped.startswith("<"):
        raise TransientError(f"an HTML or XML page where JSON should be; it begins {stripped[:60]!r}")
    try:
        payload = json.loads(stripped)
    except ValueError as error:
        raise TransientError(f"malformed or truncated JSON of {len(stripped)} characters: {error}") from error
    if not isinstance(payload, dict):
        raise LiveFormatError(
            endpoint,
            f"the JSON is a {type(payload).__name__}, not an object",
            "update nba_api (`pip install -U nba_api`); if that does not help, report the endpoint's new format",
        )
    if set(payload) == {"Message"}:
        raise TransientError(f"the service answered only the message {str(payload['Message'])[:80]!r}")
    return payload
