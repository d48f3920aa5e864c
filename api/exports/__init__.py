"""Tables out: readings, use and alerts as CSV or Excel files."""
