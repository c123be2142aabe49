"""The clouds: one folder each, with PROVIDER (``components/seam/provider.py``)."""
