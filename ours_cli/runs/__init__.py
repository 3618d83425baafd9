"""Runs that are kept: journal, blocks, replay, and how a run is found again."""
