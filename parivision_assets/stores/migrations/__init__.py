"""The one migration tree of PariVision's own database, for SQLite and PostgreSQL alike.

A revision is a file `versions/v{number}_{what}.py`, written and read by hand, never changed once released. Running
them belongs in `stores.database`.
"""
