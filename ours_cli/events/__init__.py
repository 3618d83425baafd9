"""What is sent: events, by themselves, many together, and as chunks; and what became of them."""
