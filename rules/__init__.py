"""The rules: readings in, findings and incidents out, deterministic and in event time."""
