"""Readings over HTTP: out as columns, in as the long form."""
