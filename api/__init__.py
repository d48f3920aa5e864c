"""What people and other systems see: the REST API, the live stream and the web pages."""
