"""What the operator's commands ask of this cloud: see ``components/operations.py``."""

from __future__ import annotations

from components.clouds.aws.preflight import check
from components.operations import Operations

OPERATIONS = Operations(preflight=check)
