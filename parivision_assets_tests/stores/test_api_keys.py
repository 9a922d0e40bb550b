"""API keys: only the right text is let in, as long as it is meant to be, and every change is in the ledger."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parivision_assets.settings import Settings
from parivision_assets.stores import api_keys
from parivision_assets.stores.api_keys import (
    ApiKeys,
    KeyExpiredError,
    KeyRefusedError,
    KeyRevokedError,
    KeysUnreadError,
    KeyUnknownError,
)
from parivision_assets.stores.home import Home
from parivision_assets.stores.ledger import Ledger

NOW = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def keys(where: str) -> ApiKeys:
    return ApiKeys(Ledger.open(where), lambda: NOW)


def made(keys: ApiKeys, name: str = "score-board", expires: dt.date | None = None) -> str:
    text = keys.create(name, "ann", "the arena's score board", expires)[1]
    keys.refresh()
    return text


def test_the_text_that_was_shown_is_let_in_and_bears_its_name(keys: ApiKeys) -> None:
    texts = [made(keys), made(keys, "app"), made(keys, "app")]
    assert [keys.verify(text).name for text in texts] == ["score-board", "app", "app"]
    assert len({keys.verify(text).key_id for text in texts}) == 3


def test_the_secret_is_nowhere_and_the_ledger_holds(keys: ApiKeys) -> None:
    secret = made(keys).split("_", 2)[2]
    keys.revoke("score-board", "bob", "moved")
    assert secret not in "".join(keys._ledger.export())
    assert keys._ledger.verify().intact
    assert [(record.kind, record.actor, record.reason) for record in keys._ledger.records()] == [
        ("key_change", "ann", "the arena's score board"), ("key_change", "bob", "moved"),
    ]  # fmt: skip


def test_a_revoked_key_is_refused_once_the_keys_are_read_again(keys: ApiKeys) -> None:
    revoked, other = made(keys), made(keys, "app")
    keys.revoke(keys.verify(revoked).key_id, "ann", "leaked")
    assert keys.verify(revoked)
    keys.refresh()
    with pytest.raises(KeyRevokedError, match="revoked at 20"):
        keys.verify(revoked)
    assert keys.verify(other).name == "app"


def test_revoking_again_records_nothing(keys: ApiKeys) -> None:
    key_id = keys.create("app", "ann", "why")[0].key_id
    first = keys.revoke(key_id, "ann", "leaked")
    assert keys.revoke(key_id, "bob", "again") == first
    assert len(keys._ledger.records()) == 2


def test_who_is_to_be_revoked_must_be_plain(keys: ApiKeys) -> None:
    ids = [keys.create("app", "ann", "why")[0].key_id for _ in range(2)]
    with pytest.raises(ValueError, match=f"2 keys are named 'app': {ids[0]}, {ids[1]}; say which"):
        keys.revoke("app", "ann", "why")
    keys.revoke(ids[0], "ann", "why")
    assert keys.revoke("app", "ann", "why").key_id == ids[1]
    for gone in ("app", "nobody"):
        with pytest.raises(ValueError, match=f"no key '{gone}' that could be revoked"):
            keys.revoke(gone, "ann", "why")


@pytest.mark.parametrize(("day", "is_valid"), [(1, True), (0, True), (-1, False)])
def test_a_key_ends_with_its_last_day(where: str, day: int, is_valid: bool) -> None:
    now = NOW
    keys = ApiKeys(Ledger.open(where), lambda: now)
    text = made(keys, expires=NOW.date())
    now = NOW - dt.timedelta(days=day)
    if is_valid:
        assert keys.verify(text)
    else:
        with pytest.raises(KeyExpiredError, match="valid until the end of 2024-03-01"):
            keys.verify(text)


def test_a_last_day_that_is_over_is_refused(keys: ApiKeys) -> None:
    with pytest.raises(ValueError, match="is over already"):
        keys.create("app", "ann", "why", NOW.date() - dt.timedelta(days=1))


@pytest.mark.parametrize("name", ["", "Ann Smith", "-x", "a" * 65, "a/b", "ä"])
def test_what_is_no_name_is_refused(keys: ApiKeys, name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a key"):
        keys.create(name, "ann", "why")


def test_a_key_needs_an_actor_and_a_reason(keys: ApiKeys) -> None:
    with pytest.raises(ValueError, match="needs an actor and a reason"):
        keys.create("app", "ann", " ")


def test_forged_texts_are_refused_alike(keys: ApiKeys) -> None:
    text = made(keys)
    _, key_id, secret = text.split("_", 2)
    other = "A" if secret[0] != "A" else "B"
    forged = [
        "", "pv_", "pv", secret, text[:-1], text + "A", text.upper(), " " + text, text + "\n",
        f"pv_{key_id}_{other}{secret[1:]}", f"pv_{'0' * 12}_{secret}", f"pv__{secret}", text.replace("pv", "sk"),
    ]  # fmt: skip
    said = set()
    for attempt in forged:
        with pytest.raises(KeyUnknownError) as refused:
            keys.verify(attempt)
        said.add(str(refused.value))
    assert len(said) == 1


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80) | st.from_regex(r"pv_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_guess_is_let_in(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    keys = ApiKeys(Ledger.open(tmp_path_factory.getbasetemp() / "guessed.db"))
    keys.refresh()
    with pytest.raises(KeyRefusedError):
        keys.verify(text)


def test_keys_that_cannot_be_read_are_trusted_for_a_while_only(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeysUnreadError):
        keys.verify("pv_x")
    text = made(keys)
    assert keys.verify(text)
    monkeypatch.setattr(api_keys, "TRUSTED_FOR_S", -1.0)
    with pytest.raises(KeysUnreadError, match="could not be read"):
        keys.verify(text)


def test_an_unmoved_ledger_is_not_read_again(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    text = made(keys)
    read = []
    monkeypatch.setattr(keys._ledger, "records", lambda target: read.append(target) or [])
    keys.refresh()
    assert (read, keys.verify(text).name) == ([], "score-board")


def test_a_home_has_keys(tmp_path: Path) -> None:
    home = Home(Settings(home=tmp_path), lambda: NOW)
    home.api_keys.create("app", "ann", "why")
    assert [(key.name, key.state(NOW), key.created_at[:10]) for key in home.api_keys.list_keys()] == [
        ("app", "active", "2024-03-01")
    ]
