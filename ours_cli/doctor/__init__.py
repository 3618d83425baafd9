"""The checks of `ours doctor`: this machine, the network, and the API's own document."""
