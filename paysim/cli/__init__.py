"""The command line: each command parses, calls one function and prints.

Exit codes: 0 all is well, 1 a check of the model failed, 2 bad input, 3 interrupted.
"""

from paysim.cli.app import main

__all__ = ["main"]
