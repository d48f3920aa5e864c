"""Accounts over REST: read only. They are changed on pages, behind a password, and on the command line."""
