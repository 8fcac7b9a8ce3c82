"""Python in livoid's environment: scripts, and notebooks through a kernel for Jupyter."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from solver.cli.arguments import ArgumentError, Communicator
from solver.cli.exits import EXIT_ENVIRONMENT, EXIT_OK, refuse
from solver.core import interrupts

KERNEL = "livoid"
"""Name of the kernel, and of its folder."""
MADE = "livoid_kernel"
"""Key in ``kernel.json`` that says that livoid has written it."""


def python(
    *words: Annotated[str, Parameter(help="script (or -m MODULE) and its arguments")], comm: Communicator
) -> int:
    """Run a Python script in livoid's environment, on any number of ranks; `import livoid` works in it.

    Example: livoid python scan.py
    """
    module = words[:1] == ("-m",)
    name = words[1:2] if module else words[:1]
    if not name:
        return refuse(comm, "python needs a script, or -m MODULE")
    if not (_is_module(name[0]) if module else Path(name[0]).is_file()):
        return refuse(comm, f"{name[0]}: no such {'module' if module else 'script'}")
    interrupts.hand_back(alone=comm.size == 1)
    # as Python does: a script finds what lies beside it, a module what lies in the present folder
    sys.path.insert(0, os.getcwd() if module else str(Path(name[0]).resolve().parent))
    sys.argv = list(words[module:])
    try:
        if module:
            runpy.run_module(name[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name[0], run_name="__main__")
    except SystemExit as end:
        return _code(end)
    return EXIT_OK


def _is_module(name: str) -> bool:
    """Whether Python finds a module in the present folder or in its environment."""
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
    finally:
        del sys.path[0]


def _code(end: SystemExit) -> int:
    """Exit code that a script has asked for; a text is printed, as Python does."""
    if end.code is None or isinstance(end.code, int):
        return EXIT_OK if end.code is None else end.code
    print(end.code, file=sys.stderr)
    return 1


def jupyter(*, comm: Communicator) -> int:
    """Register livoid's environment as a kernel of this user's Jupyter; notebooks then choose "livoid".

    Example: livoid jupyter
    """
    missing = [name for name in ("ipykernel", "jupyter_core") if importlib.util.find_spec(name) is None]
    if missing:
        reason = f"a kernel needs {', '.join(missing)} (pip install ipykernel)"
        return refuse(comm, reason, EXIT_ENVIRONMENT)
    from jupyter_core.paths import jupyter_data_dir

    file = Path(jupyter_data_dir()) / "kernels" / KERNEL / "kernel.json"
    if comm.rank != 0:
        return EXIT_OK
    if file.exists() and not _ours(file):
        raise ArgumentError(f"{file} is not livoid's; remove it, or set JUPYTER_DATA_DIR to another folder")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(specification(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        return refuse(comm, error)
    print(
        f'{file}\nJupyter has a kernel "{KERNEL}" now: start `jupyter lab` (of any installation; for one of'
    )
    print(f"livoid's own: pip install jupyterlab) and choose it. To remove it: rm -r {file.parent}")
    return EXIT_OK


def specification() -> dict[str, object]:
    """``kernel.json``: what Jupyter starts, and how it breaks off a cell.

    Jupyter asks by a message: a signal would end all that the launcher has started.
    """
    launcher = os.environ.get("LIVOID_LAUNCHER")
    start = [launcher] if launcher else [sys.executable, "-m", "solver"]
    return {
        "argv": [*start, "python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL,
        "language": "python",
        "interrupt_mode": "message",
        "metadata": {MADE: True},
    }


def _ours(file: Path) -> bool:
    try:
        return json.loads(file.read_text(encoding="utf-8"))["metadata"][MADE] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False


COMMANDS = (python, jupyter)
