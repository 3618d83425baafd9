"""Chunk → outcome: requests, answers, retries, and how many at a time."""
