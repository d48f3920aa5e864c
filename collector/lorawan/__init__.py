"""Meters on LoRaWAN: what network servers publish, and the makers' payloads inside. Pure."""
