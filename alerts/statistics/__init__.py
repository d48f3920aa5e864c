"""Figures of the desk: how long each step took, what was found and mended, what it cost and what it saved."""
