"""What is asked of the cloud around a run of the engine: before it, and about what is there."""
