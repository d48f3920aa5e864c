"""MQTT for simulations: a broker as a child process, and publishers of simulated meters."""
