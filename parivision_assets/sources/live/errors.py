"""What can go wrong with the live source. Each error names the endpoint, what was wrong and what to do next."""

from __future__ import annotations

import importlib

from parivision_assets.sources.published import SourceError, SourceUnavailableError

EXTRA_MODULES = ("nba_api", "pybreaker")


class LiveSourceError(SourceError):
    """The live source could not answer; nothing was landed."""

    def __init__(self, endpoint: str, problem: str, next_step: str) -> None:
        """Keep the three parts and join them into one line."""
        super().__init__(f"live source, endpoint {endpoint}: {problem}. Next: {next_step}")
        self.endpoint = endpoint
        self.problem = problem
        self.next_step = next_step


class LiveUnavailableError(LiveSourceError, SourceUnavailableError):
    """The service refused, failed, was too slow or answered garbage, also after the retries."""


class CircuitOpenError(LiveUnavailableError):
    """The service was not asked: it failed too often in a row and is left alone for a while."""


class LiveFormatError(LiveSourceError):
    """The service answered, but not in the format this version understands; asking again does not help."""


class MissingExtraError(SourceUnavailableError, ImportError):
    """The optional extra `live` is not installed."""


def require_extra() -> None:
    """Raise MissingExtraError, saying how to install the extra, unless its packages can be imported."""
    for module in EXTRA_MODULES:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"the live source needs the package {module}; install it with `pip install .[live]` "
                "in the project's folder, or point PARIVISION_SHOTS_URL at a folder of archives instead"
            ) from error
