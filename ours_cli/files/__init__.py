"""Files that outlive a command: where they lie, how they are locked and written."""
