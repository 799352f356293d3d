"""``python -m askllama``."""

from askllama.cli import main

main()
