"""Beds and people of places, dated: brought as CSV or JSON, shown with what they change."""
