"""Who is on duty: shifts by the calendar, leave, stand-ins, and the hours that nobody has. Pure."""
