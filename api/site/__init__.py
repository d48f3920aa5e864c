"""The site over HTTP: nodes, meters, and what they use."""
