"""Storage in SQLite and Postgres through SQLAlchemy Core: tables, two mappings per aggregate, one dialect file."""
