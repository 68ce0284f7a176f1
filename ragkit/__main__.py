"""`python -m ragkit`."""

from ragkit.cli import run

run()
