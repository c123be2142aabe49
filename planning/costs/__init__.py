"""What stacks cost: decisions without I/O, run by ``scripts/cost.py`` and ``scripts/prices.py``."""
