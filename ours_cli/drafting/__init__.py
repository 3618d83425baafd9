"""Many rows at once: a field map compiled for columns, and the drafts that it makes."""
