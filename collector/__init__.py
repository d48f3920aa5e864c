"""Meters in, readings out: one folder a protocol, and the journal that makes a reading count as taken."""
