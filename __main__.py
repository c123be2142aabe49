"""Entry point of plain ``pulumi``: the same program that the scripts run inline."""

import pulumi

from components.errors import UserError
from components.program import program

try:
    program()
except UserError as error:
    # The engine shows this one in its own words, without a traceback.
    raise pulumi.RunError(str(error)) from None
