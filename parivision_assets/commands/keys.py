"""`parivision keys`: make, list and revoke the keys with which programs ask the API."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import asdict

from parivision_assets.commands.console import print_json, print_table
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home


def create(name: str, expires: dt.date | None, actor: str, reason: str, *, as_json: bool) -> None:
    """Make a key and show it, this once."""
    key, text = Home(Settings()).api_keys.create(name, actor, reason, expires)
    if as_json:
        print_json({"key": text, "key_id": key.key_id, "name": key.name, "expires": key.expires})
        return
    end = "" if key.expires is None else f", valid until the end of {key.expires} (UTC)"
    sys.stdout.write(f"{text}\nThis is key {key.key_id} of {key.name}{end}. It is shown only now; keep it secret.\n")


def show(*, as_json: bool) -> None:
    """Print every key that was ever made, without its secret."""
    home = Home(Settings())
    rows = [
        {name: value for name, value in asdict(key).items() if name != "sha256"} | {"state": key.state(home.clock())}
        for key in home.api_keys.list_keys()
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("key_id", "name", "state", "created_at", "expires", "revoked_at")
    print_table(
        "API keys", columns, [tuple(row[column] and str(row[column])[:16] for column in columns) for row in rows]
    )


def revoke(which: str, actor: str, reason: str, *, as_json: bool) -> None:
    """Revoke a key by id or name."""
    key = Home(Settings()).api_keys.revoke(which, actor, reason)
    if as_json:
        print_json({"key_id": key.key_id, "name": key.name, "revoked_at": key.revoked_at})
    else:
        sys.stdout.write(f"key {key.key_id} of {key.name} is revoked; services follow within seconds\n")
