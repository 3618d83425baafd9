"""How things are put: numbers, durations, long lines, what was meant."""
