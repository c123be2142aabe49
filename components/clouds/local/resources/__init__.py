"""What a stack has on this machine, as resources of the engine."""
