"""`aquavolt collect | watch | serve`: the parts of `run` as programs of their own, on InfluxDB."""
