"""Conditions that people write: a small grammar, parsed and checked before use; nothing of it is ever executed."""
