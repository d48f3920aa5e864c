"""The real servers for development and tests: InfluxDB 2 and mosquitto, each a process on a free port of 127.0.0.1."""
