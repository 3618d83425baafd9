"""Rows in bulk: a field map compiled for columns, and the drafts that it makes."""
