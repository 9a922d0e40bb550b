"""Nicknames: what may be one, and when two are the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parivision_assets.core.nicknames import LONGEST, nickname, nickname_key


@pytest.mark.parametrize("text", ["ann", "Ann Lee", "jo-jo.b_4", "Éloïse", "日本太郎", "x" * LONGEST])
def test_ordinary_names_are_taken_as_they_are(text: str) -> None:
    assert nickname(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "ab", "x" * (LONGEST + 1), " ann", "ann ", "a  b", "ann\x00", "ann\n", "an\u200bn", "an\u202en", "a/b", "<b>",
     "__a", "...", "ann\ud800"],
)  # fmt: skip
def test_what_cannot_be_read_aloud_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="3 to 20 letters or digits"):
        nickname(text)


def test_case_and_composition_make_no_difference() -> None:
    assert nickname_key("ÉLOÏSE") == nickname_key(unicodedata.normalize("NFD", "éloïse"))
    assert nickname_key("Ann") != nickname_key("Anne")


@given(st.text(max_size=30))
def test_whatever_is_taken_is_printable_stable_and_keyed_by_itself(text: str) -> None:
    try:
        found = nickname(text)
    except ValueError:
        return
    assert found.isprintable()
    assert nickname(found) == found
    assert nickname_key(found) == nickname_key(text) == nickname_key(nickname_key(found))
    assert len(nickname_key(found)) <= 80
