"""Which errors are expected, that is, say in words what to do next and need no traceback."""

from __future__ import annotations


class CommandError(Exception):
    """A command could not do what was asked; the message says why and what to do next."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the error types whose message is all a user needs; imported only once something went wrong."""
    from pydantic import ValidationError

    from parivision_assets.sources.published import SourceError
    from parivision_assets.stores.atomic import StoreError

    return (CommandError, SourceError, StoreError, ValidationError, ValueError)
