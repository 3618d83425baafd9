"""`ours`: send and backfill events to the Ours Privacy Ingest API."""

__version__ = "0.1.0"
