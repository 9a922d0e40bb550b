"""`parivision ledger`: what was decided, whether the record is whole, and its export."""

from __future__ import annotations

import sys

from parivision_assets.commands.console import print_json, print_table
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings
from parivision_assets.stores.chain import Head
from parivision_assets.stores.decisions import decision_table
from parivision_assets.stores.home import Home


def show(target: str | None, *, as_json: bool) -> None:
    """Print the entries, oldest first."""
    table = decision_table(Home(Settings()).ledger.records(target))
    if as_json:
        print_json(table.to_dicts())
        return
    columns = ("sequence", "recorded_at", "target", "verdict", "reason")
    rows = [
        tuple(row[name] if name != "recorded_at" else row[name][:16] for name in columns) for row in table.to_dicts()
    ]
    print_table("Decisions", ("entry", "when (UTC)", "target", "verdict", "reason"), rows)


def verify(*, as_json: bool) -> None:
    """Check the chain against itself and against the head that the newest MLflow runs keep."""
    home = Home(Settings())
    kept = [Head.parse(text) for text in home.registry.kept_heads()]
    found = home.ledger.verify(kept)
    if as_json:
        print_json(
            {"intact": found.intact, "entries": found.entries, "head": str(found.head), "message": found.message}
        )
    else:
        sys.stdout.write(f"{found.message}; {len(kept)} head(s) kept elsewhere agree\n" if found.intact else "")
    if not found.intact:
        raise CommandError(f"the ledger is not intact: {found.message}. Restore it from a backup or an export")


def export() -> None:
    """Print the ledger as JSON lines."""
    for line in Home(Settings()).ledger.export():
        sys.stdout.write(line + "\n")
