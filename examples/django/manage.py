#!/usr/bin/env python3
"""Django's command line; ``migrate`` takes the direct address of the database."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proof.settings")
    # A migration may need a session of its own (locks, SET), which a transaction pool cannot give.
    if sys.argv[1:2] == ["migrate"] and os.environ.get("DIRECT_DATABASE_URL"):
        os.environ["DATABASE_URL"] = os.environ["DIRECT_DATABASE_URL"]
    execute_from_command_line(sys.argv)
