"""Policies: what no stack should be, judged on offline plans, previews and by the engine itself."""
