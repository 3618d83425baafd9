"""One source divided among processes that know nothing of each other."""
