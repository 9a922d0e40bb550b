"""`parivision ledger`: what was decided, whether the record is whole, its export, and its database's revision."""

from __future__ import annotations

import sys
from dataclasses import asdict

from parivision_assets.commands.console import print_json, print_table
from parivision_assets.errors import CommandError
from parivision_assets.settings import Settings
from parivision_assets.stores.chain import Head
from parivision_assets.stores.database import migrate_database
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
    """Check the chain against itself and against the heads that MLflow runs and assets' metadata keep."""
    from parivision_assets.defs.instance import kept_ledger_heads

    home = Home(Settings())
    kept = [Head.parse(text) for text in {*home.registry.kept_heads(), *kept_ledger_heads(home)}]
    found = home.ledger.verify(kept)
    if as_json:
        print_json(
            {"intact": found.intact, "entries": found.entries, "head": str(found.head), "message": found.message}
        )
    else:
        sys.stdout.write(f"{found.message}; {len(kept)} head(s) kept elsewhere agree\n" if found.intact else "")
    if not found.intact:
        raise CommandError(f"the ledger is not intact: {found.message}. Restore it from a backup or an export")


def migrate(*, as_json: bool) -> None:
    """Bring PariVision's database to the newest revision and say from which to which."""
    done = migrate_database(Settings().ledger_url)
    if as_json:
        print_json(asdict(done))
    elif done.before == done.after:
        sys.stdout.write(f"the database is at revision {done.after}; nothing to do\n")
    else:
        sys.stdout.write(f"the database was migrated from {done.before or 'empty'} to revision {done.after}\n")


def export() -> None:
    """Print the ledger as JSON lines."""
    for line in Home(Settings()).ledger.export():
        sys.stdout.write(line + "\n")
