"""Simulated Modbus meters on real sockets, built from the same profiles that read them."""
