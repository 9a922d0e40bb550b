"""Which errors are expected, that is, say in words what to do next and need no traceback."""

from __future__ import annotations


class CommandError(Exception):
    """A command could not do what was asked; the message says why and what to do next."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the error types whose message is all a user needs; imported only once something went wrong."""
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError

    from parivision_assets.sources.published import SourceError
    from parivision_assets.stores.atomic import StoreError

    return (CommandError, SourceError, StoreError, ValidationError, ValueError, OSError, OperationalError)


def in_words(error: Exception) -> str:
    """Return an expected error as one line; a wrong setting is named as the variable that a user sets."""
    from pydantic import ValidationError
    from sqlalchemy.exc import OperationalError

    if isinstance(error, OperationalError):
        return (
            f"a database could not be read or written ({error.orig}); what was recorded before is unchanged. "
            "Free some space or make PARIVISION_HOME writable, and run again"
        )
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    found = []
    for problem in error.errors():
        name = "_".join(["PARIVISION", *(str(part).upper() for part in problem["loc"])])
        reason = problem["msg"].removeprefix("Value error, ")
        found.append(f"{name}: {reason}" if problem["loc"] else reason)
    return "; ".join(found)
