"""MQTT: packets in bursts, JSON payloads by profile, one thread that acknowledges what the journal has."""
