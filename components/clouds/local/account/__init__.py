"""What is asked of the machine around a run of the engine."""
