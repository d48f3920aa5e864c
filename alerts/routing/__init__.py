"""Who hears of an alert: routes, mutes, escalation steps, and the dry run that says why. Pure."""
