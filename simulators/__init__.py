"""Simulators: meters on real sockets, and a campus with people, leaks and a truth file."""
