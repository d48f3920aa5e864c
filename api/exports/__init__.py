"""Tables out: readings, use, alerts and work orders as CSV or Excel files."""
