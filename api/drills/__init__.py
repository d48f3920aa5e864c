"""REST of drills."""
