"""What a change would do to a stack, and how it is told."""
