"""Faults on purpose: services on real sockets, something breaks, and each reading is accounted for afterwards."""
