"""A campus's list of meters, CSV or Excel, into its site file."""
