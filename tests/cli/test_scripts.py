"""``livoid python`` and ``livoid jupyter``: scripts and notebooks in livoid's environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from solver.cli.scripts import specification
from tests.conftest import ROOT, environment

Livoid = Callable[..., subprocess.CompletedProcess[str]]
SCRIPT = """
import sys
import beside
import livoid
from mpi4py import MPI

print(livoid.__version__, sys.argv[1:], beside.NUMBER, MPI.COMM_WORLD.allreduce(1))
sys.exit(int(sys.argv[2]))
"""
SECONDS = 120


def test_a_script_gets_its_arguments_its_folder_and_its_exit_code(tmp_path: Path, livoid: Livoid) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "scan.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "own" / "beside.py").write_text("NUMBER = 7\n", encoding="utf-8")
    done = livoid("python", "own/scan.py", "--out", "5", process=True)
    assert done.returncode == 5 and done.stdout.endswith(" ['--out', '5'] 7 1\n"), done.stderr
    done = livoid("python", "own/scan.py", "--out", "0", ranks=2)
    assert done.returncode == 0 and done.stdout.count(" ['--out', '0'] 7 2\n") == 2, done.stderr


def test_a_script_that_fails_shows_where(tmp_path: Path, livoid: Livoid) -> None:
    (tmp_path / "scan.py").write_text("def f():\n    return 1 / 0\nf()\n", encoding="utf-8")
    done = livoid("python", "scan.py", process=True)
    assert done.returncode == 1 and 'scan.py", line 2, in f' in done.stderr
    (tmp_path / "scan.py").write_text("import sys; sys.exit('not today')\n", encoding="utf-8")
    done = livoid("python", "scan.py", process=True)
    assert done.returncode == 1 and done.stderr == "not today\n"


@pytest.mark.parametrize("words", [(), ("-m",), ("nowhere.py",), ("-m", "nowhere_at_all")])
def test_no_script_is_bad_input(words: tuple[str, ...], livoid: Livoid) -> None:
    done = livoid("python", *words)
    assert done.returncode == 2 and done.stderr.startswith("livoid: ") and "Traceback" not in done.stderr


def test_a_kernel_is_registered_and_only_ours_is_replaced(
    tmp_path: Path, livoid: Livoid, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jupyter_core")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    file = tmp_path / "jupyter" / "kernels" / "livoid" / "kernel.json"
    for _ in range(2):
        done = livoid("jupyter")
        assert done.returncode == 0 and str(file) in done.stdout, done.stderr
    assert json.loads(file.read_text(encoding="utf-8")) == specification()
    file.write_text("{}", encoding="utf-8")
    done = livoid("jupyter")
    assert done.returncode == 2 and "is not livoid's" in done.stderr
    assert file.read_text(encoding="utf-8") == "{}"


@pytest.mark.slow
def test_the_kernel_runs_cells_and_can_be_broken_off(
    tmp_path: Path, livoid: Livoid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Jupyter starts it: through the launcher."""
    client_of = pytest.importorskip("jupyter_client")
    pytest.importorskip("ipykernel")
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("LIVOID_LAUNCHER", str(ROOT / "livoid"))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # `livoid test` has set it for all that it starts
    assert livoid("jupyter").returncode == 0
    manager = client_of.KernelManager(kernel_name="livoid")
    manager.start_kernel(cwd=str(tmp_path))
    try:
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=SECONDS)
        said: list[str] = []

        def hear(message: dict[str, dict[str, str]]) -> None:
            said.append(message["content"].get("text", ""))

        reply = client.execute_interactive(
            "import livoid, matplotlib; print(livoid.__version__, matplotlib.get_backend())",
            output_hook=hear,
            timeout=SECONDS,
        )
        assert reply["content"]["status"] == "ok" and "inline" in "".join(said)
        client.execute("import time; print('it sleeps', flush=True); time.sleep(1000)")
        while client.get_iopub_msg(timeout=SECONDS)["content"].get("text") != "it sleeps\n":
            pass
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=SECONDS)
        assert reply["content"]["status"] == "error" and reply["content"]["ename"] == "KeyboardInterrupt"
    finally:
        manager.shutdown_kernel(now=False)
    assert not manager.is_alive()


def test_a_script_has_the_signals_of_python(tmp_path: Path, livoid: Livoid) -> None:
    text = """
import os, signal, time
for _ in range(2):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        print("caught")
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""
    (tmp_path / "scan.py").write_text(text, encoding="utf-8")
    done = livoid("python", "scan.py", process=True)
    assert done.stdout == "caught\ncaught\n"
    assert done.returncode == 1 and done.stderr == "livoid: interrupted\n"
