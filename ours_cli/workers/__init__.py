"""Processes that parse and draft rows for the one that sends."""
