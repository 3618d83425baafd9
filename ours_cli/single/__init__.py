"""One body, for `track` and `identify`: built, sent, or shown."""
