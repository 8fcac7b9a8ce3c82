"""``python -m solver``: the livoid command. Signals are taken before anything that takes long is imported."""

from __future__ import annotations

import sys

from solver import __version__
from solver.core import interrupts


def start() -> int:
    """Run the command of the command line; returns the exit code."""
    if sys.argv[1:] == ["--version"]:  # before MPI is started, which takes longer than the answer may
        print(f"livoid {__version__}")
        return 0
    interrupts.install()
    try:
        from solver.cli.main import main

        interrupts.obey()
    except BaseException as error:
        if not interrupts.asked():
            return _lacking(error)
        # whatever an import that was broken off has made of it
        print("livoid: interrupted", file=sys.stderr)
        code = 1
    else:
        code = main()
    interrupts.done()
    return code


def _lacking(error: BaseException) -> int:
    """Say what the environment lacks; anything else is raised again."""
    from solver.cli.exits import EXIT_ENVIRONMENT, lacking

    reason = lacking(error) if isinstance(error, ImportError) else None
    if reason is None:
        raise error
    print(f"livoid: {reason}", file=sys.stderr)
    return EXIT_ENVIRONMENT


if __name__ == "__main__":
    sys.exit(start())
