"""Other systems' tables as the settings name them: CSV files, or a database asked by a query."""
