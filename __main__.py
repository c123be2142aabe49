"""Entry point of plain ``pulumi``: the same program that the scripts run inline."""

from components.program import program

program()
