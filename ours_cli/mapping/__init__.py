"""What the person maps to what: read from flags and map files, compiled per table, judged by the contract."""
