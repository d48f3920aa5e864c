"""Who may do what: accounts, their roles and parts of the site, sessions, API tokens, and the audit of all of it."""
