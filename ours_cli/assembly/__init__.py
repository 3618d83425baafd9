"""Rows → events: a mapping bound to a table, row by row or many at once, and the last step of each event."""
