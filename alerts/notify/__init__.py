"""From alerts to the outbox: groups and their timers, the brake that a storm meets, digests, signed links."""
