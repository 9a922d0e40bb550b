"""The prediction log, append-only."""

import sqlalchemy as sa
from alembic import op

from parivision_assets.stores.migrations.append_only import make_append_only

revision = "0002"
down_revision = "0001"

IS_THERE = "EXISTS (SELECT 1 FROM prediction_log WHERE prediction_id = NEW.prediction_id)"


def upgrade() -> None:
    """Create the table, its indexes and its triggers."""
    op.create_table(
        "prediction_log",
        sa.Column("prediction_id", sa.String(32), primary_key=True),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("target", sa.String(80), nullable=False),
        sa.Column("probability", sa.Double, nullable=False),
        sa.Column("low", sa.Double, nullable=False),
        sa.Column("high", sa.Double, nullable=False),
        sa.Column("points_value", sa.Integer),
        sa.Column("is_known", sa.Boolean),
        sa.Column("flags", sa.Text, nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("decision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("features", sa.LargeBinary, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("event", sa.String(200)),
        sa.Column("game", sa.String(200)),
        sa.Column("game_date", sa.Date),
        sa.Column("client", sa.String(200), nullable=False),
    )
    op.create_index(
        "prediction_log_events",
        "prediction_log",
        ["game_date"],
        sqlite_where=sa.text("event IS NOT NULL"),
        postgresql_where=sa.text("event IS NOT NULL"),
    )
    make_append_only("prediction_log", IS_THERE)


def downgrade() -> None:
    """Refuse: what was answered is never removed."""
    raise NotImplementedError("the prediction log is append-only: restore a backup instead of removing its table")
