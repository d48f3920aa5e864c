"""Alerts as people handle them: records, acknowledgement, outcome, audit, outbox and the words of messages."""
