"""A collector's journal over HTTP to `aquavolt watch`, and what the services ask of each other beside it."""
