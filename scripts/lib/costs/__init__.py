"""What stacks cost: decisions without I/O. ``scripts/cost.py`` and ``scripts/prices.py`` run them."""
