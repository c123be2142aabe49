"""The policies: what a stack should be, held against its plan."""
