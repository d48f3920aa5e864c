"""Alembic migrations of the records database; `Database.migrate` runs them."""
