"""Dynamic resources of our own: what the engine makes on a host, the same on every cloud."""
