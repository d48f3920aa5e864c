"""Notification channels: adapters of `alerts.channel.Channel`, one file each, with their settings."""
