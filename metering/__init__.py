"""The domain of AquaVolt: readings, intervals, the site tree and the store ports, as values and pure functions."""
