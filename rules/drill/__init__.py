"""Drills: a copy of the shard that is fed a simulated fault beside the real readings."""
