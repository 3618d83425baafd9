"""What comes back to people: books, reports, previews, rejects, progress."""
