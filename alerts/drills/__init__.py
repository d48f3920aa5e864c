"""Drills: simulated faults that go through the whole chain and into no figure."""
