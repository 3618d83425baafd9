"""distinctIds and the key books that they need, in constant memory."""
