"""The ledger of decisions, append-only.

Homes made before there were migrations have the table already, with the same columns.
"""

import sqlalchemy as sa
from alembic import op

from parivision_assets.stores.migrations.append_only import make_append_only

revision = "0001"
down_revision = None

FOLLOWS_ANOTHER_HEAD = """
    NEW.sequence <> (SELECT COALESCE(MAX(sequence), 0) + 1 FROM ledger)
    OR EXISTS (SELECT 1 FROM ledger WHERE previous_digest = NEW.previous_digest OR digest = NEW.digest)
"""


def upgrade() -> None:
    """Create the table and its triggers."""
    op.create_table(
        "ledger",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("previous_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("target", sa.String(80), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        if_not_exists=True,
    )
    make_append_only("ledger", FOLLOWS_ANOTHER_HEAD)


def downgrade() -> None:
    """Refuse: decisions are never removed."""
    raise NotImplementedError("the ledger is append-only: restore a backup instead of removing its table")
