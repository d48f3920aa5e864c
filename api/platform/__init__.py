"""The repair platform over HTTP: its events in, and for people what was told to it and what came of it."""
