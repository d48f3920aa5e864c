"""A simulated campus: places, people, meters and faults, reproducible bit for bit from a seed and a first day."""
