"""``python -m streams.cli`` is ``ebb``."""

from streams.cli import main

main()
