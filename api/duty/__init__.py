"""Roster, routes, silences, contacts and digests over HTTP, the dry run, test messages and the log of notifications."""
