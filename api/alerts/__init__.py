"""Alerts over HTTP: lists, one alert, its series, and what people do with it."""
