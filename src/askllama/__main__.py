"""The way in, for ``askllama`` and ``python -m askllama``."""

import sys


def main() -> None:
    """Hand over to the command line.

    Importing click takes three times as long as starting Python, so the first page of help is kept rendered
    beside this file; a test holds it against what click would print.
    """
    if sys.argv[1:] in (["--help"], ["-h"]):
        with open(__file__.replace("__main__.py", "help.txt"), encoding="utf-8") as page:  # noqa: PTH123  (no import)
            sys.stdout.write(page.read())
        return
    try:
        from askllama.cli import main

        main(prog_name="askllama")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
