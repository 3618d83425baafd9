"""What comes back to people: books, reports, previews, progress."""
