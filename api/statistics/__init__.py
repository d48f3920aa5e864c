"""Figures of the desk over HTTP: JSON and a workbook."""
