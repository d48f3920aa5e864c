"""The pages of work orders, reports and the patrol."""
