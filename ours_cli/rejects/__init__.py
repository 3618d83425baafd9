"""Rows that did not become events: written down for people to mend, and read again once they have."""
