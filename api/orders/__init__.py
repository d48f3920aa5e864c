"""Work orders, reports, photos and the patrol over HTTP."""
