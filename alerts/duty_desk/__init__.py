"""What people set for daily use (roster, routes, silences, contacts, digests), as it stands in the records."""
