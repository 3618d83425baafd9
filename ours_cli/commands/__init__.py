"""One command per file: each reads its flags, calls the house, and returns an exit code."""
