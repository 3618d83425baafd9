"""One command per file: each reads its flags, calls the rest of the program, and returns an exit code."""
