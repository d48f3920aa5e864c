"""What a user writes: settings, the site, the rules. Nothing is clamped or ignored; faults name file, line and key."""
