"""The program: commands, settings, composition root, stores and notification channels."""
