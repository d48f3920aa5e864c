"""Simulated LoRaWAN devices: their bytes, and the envelopes in which network servers publish them."""
