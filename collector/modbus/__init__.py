"""Modbus: frames, block planning, decoding by profile (all pure), the lean TCP client and the poller."""
