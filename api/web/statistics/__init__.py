"""The page of the figures, and contractors' scorecards."""
