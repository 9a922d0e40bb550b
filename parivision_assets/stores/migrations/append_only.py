"""Triggers by which a database itself refuses to change or remove rows, whoever asks.

Released revisions use these functions: add another rather than change one.
"""

from __future__ import annotations

from alembic import op

_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
             USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
       FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    # Without ALWAYS a session could switch the trigger off for itself (session_replication_role).
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_is_append_only",
)
_SQLITE = (
    """CREATE TRIGGER IF NOT EXISTS {table}_refuses_update BEFORE UPDATE ON {table}
       BEGIN SELECT RAISE(ABORT, '{table} is append-only: UPDATE refused'); END""",
    """CREATE TRIGGER IF NOT EXISTS {table}_refuses_delete BEFORE DELETE ON {table}
       BEGIN SELECT RAISE(ABORT, '{table} is append-only: DELETE refused'); END""",
    "DROP TRIGGER IF EXISTS {table}_refuses_replace",
    # INSERT OR REPLACE deletes without firing the trigger above.
    """CREATE TRIGGER {table}_refuses_replace BEFORE INSERT ON {table} WHEN {taken}
       BEGIN SELECT RAISE(ABORT, '{table} is append-only: the place is taken'); END""",
)


def make_append_only(table: str, taken: str) -> None:
    """Let the database refuse UPDATE, DELETE and TRUNCATE of a table, and SQLite's REPLACE.

    `taken` is the SQL condition, over the row NEW, under which an insert would replace a row that is there.
    """
    statements = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.execute(statement.format(table=table, taken=taken))
