"""The web pages: templates, browser files, and their texts in two languages."""
