"""Rejects that somebody has mended and feeds back."""
