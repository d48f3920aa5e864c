"""Roster, routes, silences, contacts and digests over HTTP, the dry run, and test messages."""
