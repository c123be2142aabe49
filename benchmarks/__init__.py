"""Benchmarks: what is measured (``stages``, ``costs``), what it means, how it is shown."""
