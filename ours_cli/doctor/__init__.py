"""What `ours doctor` looks at: findings of this machine, of the network, and of the API's own document."""
