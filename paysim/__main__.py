"""``python -m paysim`` is the command line."""

from paysim.cli import main

main()
