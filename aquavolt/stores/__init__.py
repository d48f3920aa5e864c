"""Adapters of the store ports in `metering.ports`, and the way other processes reach the one that owns the data."""
