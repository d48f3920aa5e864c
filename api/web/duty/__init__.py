"""The pages of roster, routes, silences and notifications."""
