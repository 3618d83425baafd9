"""distinctIds and the books of keys that they need, in the same memory for any number."""
