"""What may be a nickname, and when two are the same. Accounts themselves are kept in `stores`."""

from __future__ import annotations

import re
import unicodedata

SHORTEST, LONGEST = 3, 20
RULE = f"a nickname has {SHORTEST} to {LONGEST} letters or digits, with single spaces, dots, hyphens or _ between them"
_SHAPE = re.compile(r"[^\W_]+(?:[ ._-][^\W_]+)*")


def nickname(text: str) -> str:
    """Return a nickname as it is kept and shown: in Unicode's composed form (NFKC).

    Raises ValueError with the rule. Control, invisible and direction characters break it.
    """
    found = unicodedata.normalize("NFKC", text)
    if not SHORTEST <= len(found) <= LONGEST or _SHAPE.fullmatch(found) is None:
        raise ValueError(RULE)
    return found


def nickname_key(text: str) -> str:
    """Return that by which two nicknames are the same: case and composition make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
