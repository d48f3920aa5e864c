"""Recorded meters: what was heard from a real one, served again."""
