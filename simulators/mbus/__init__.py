"""Simulated M-Bus meters."""
