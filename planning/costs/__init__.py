"""What stacks cost: decisions without I/O, run by ``./stages cost`` and ``./stages prices``."""
