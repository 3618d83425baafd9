"""How the command line is read and completed, and what it says when it cannot be."""
