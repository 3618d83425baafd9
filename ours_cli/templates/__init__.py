"""Texts with columns and filters in them: `{column|filter}` read, bound to a table, and run."""
