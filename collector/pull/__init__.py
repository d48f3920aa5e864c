"""Readings out of other systems' tables, on a schedule: CSV files, or (in `aquavolt.pulling`) SQL."""
