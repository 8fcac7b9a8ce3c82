"""The command line itself: mistakes are answered, help is complete, shells complete."""

from __future__ import annotations

import inspect
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w

import solver
from solver.cli import main as cli
from solver.cli.exits import EXIT_INPUT, EXIT_OK
from solver.cli.main import livoid as commands
from solver.cli.main import main, parse
from tests.conftest import ROOT, case_data

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
SOURCED = {"value": "1 um", "status": "measured"}
NAMES = [name for name in commands if not name.startswith("-")]
SHOWN = [name for name in NAMES if commands[name].show]


@pytest.fixture(autouse=True)
def _logging_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands called in this process leave the handlers of the tests alone."""
    monkeypatch.setattr(cli, "_log_to_terminal", lambda _comm, *, verbose: None)


def test_all_commands_are_there() -> None:
    assert set(NAMES) == {
        *("run", "rerun", "demo", "job", "check", "schema", "mesh"),
        *("neutral", "critical", "threshold", "focus", "alloy", "study", "calibrate"),
        "pressure-needed",
        *("plot", "report", "view", "film", "microscope", "compare", "verify", "doctor", "test", "bench"),
        *("docs", "soak", "cite", "eis", "python", "jupyter", "voids-from-image", "protocol"),
        "completion",
    }  # fmt: skip
    assert "job" not in SHOWN


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["studdy", "x.toml"], 'Unknown command "studdy". Did you mean "study"?'),
        (["run", "x.toml", "--forse"], "Unknown option: --forse. Did you mean --force?"),
        (["check", "x.toml", "--sett", "a=1"], "Unknown option: --sett. Did you mean --set?"),
        (["compare", "presure", "x"], 'Did you mean "pressure"?'),
        (["focus", "x.toml", "--kind", "plan"], 'Did you mean "plane"?'),
        (["run"], "CASE requires an argument"),
        (["run", "a.toml", "b.toml"], "b.toml"),
        (["study", "x.toml", "--cores", "two"], 'unable to convert "two"'),
        (["run", "x.toml", "--set", "x"], "--set x: expected PATH=VALUE"),
        (["run", "x.toml", "--set", "a=1", "--set", "a=2"], "--set a is overridden by --set a"),
        (
            ["check", "x.toml", "--set", "void.0.width=1", "--set", "void[0].width=2"],
            "by --set void[0].width",
        ),
        (["check", "x.toml", "--set", "a.b=1", "--set", "a={b=2}"], "--set a.b is overridden by --set a"),
        (["check", "x.toml", "--set", "void[x].width=1"], "'x' in brackets is not a number"),
        (["run", "x.toml", "--force", "--resume"], "--force starts anew, --resume goes on"),
        (["run", "nowhere.toml"], "no such file"),
    ],
)
def test_mistakes_get_one_message(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == EXIT_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("livoid: ") and said.err.count("livoid: ") == 1
    assert message in said.err


def test_no_terminal_obeys_a_case_or_the_name_of_a_file(tmp_path: Path, livoid: Livoid) -> None:
    evil = "\x1bc\x07\x9b31m\u202e\nlivoid: all is well"
    data = case_data(material={"metal": {"name": "lithium", "sink_length": SOURCED | {"source": evil}}})
    file = tmp_path / "a\x1b[2Jb.toml"
    file.write_text(tomli_w.dumps(data), encoding="utf-8")
    good = livoid("check", file.name)
    assert good.returncode == 0, good.stderr
    data["geometry"][evil] = evil
    data["material"]["metal"][evil] = evil
    file.write_text(tomli_w.dumps(data), encoding="utf-8")
    bad = livoid("check", file.name, "--set", f"{evil}=1")
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 4, bad.stderr
    assert "a\\x1b[2Jb.toml: 3 problems" in bad.stderr
    for text in (good.stdout, good.stderr, bad.stdout, bad.stderr):
        assert all(c.isprintable() for c in text.replace("\n", "").replace("\t", ""))


def test_several_ranks_say_a_mistake_once(livoid: Livoid) -> None:
    result = livoid("studdy", ranks=2)
    assert result.returncode == EXIT_INPUT
    assert result.stderr.count('Did you mean "study"?') == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == EXIT_OK
    text = capsys.readouterr().out
    usage, description, *more = [part.strip() for part in text.split("\n\n")]
    if name != "job":
        assert any(part.startswith(f"Example: livoid {name}") for part in more), text
    assert usage.startswith(f"Usage: livoid {name} ")
    assert len(description.split()) >= 3 and description.endswith(".")
    for line in text.splitlines():
        entry = line.startswith("  ") and not line.startswith("   ")
        if entry and (line.startswith("  --") or line.strip().split(":")[0].isupper()):
            assert ":" in line and line.split(":", 1)[1].strip(), line


HAND_ON = {"job", "soak", "test"}
"""Commands that have no example, or hand their options on to another program."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HAND_ON])
def test_the_example_of_a_command_is_one_that_it_takes(name: str) -> None:
    about = inspect.getdoc(commands[name].default_command) or ""
    example = re.search(r"^Example: livoid (.*)$", about, re.MULTILINE)
    assert example is not None
    words = shlex.split(re.split("[|>]", example[1])[0])
    commands.parse_args(words, exit_on_error=False, print_error=False)  # raises where it does not


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == EXIT_OK
    text = capsys.readouterr().out
    assert all(f"\n  {name}: " in text for name in SHOWN)
    assert "\n  job: " not in text


def test_entries_of_help_are_wrapped_once(monkeypatch: pytest.MonkeyPatch, livoid: Livoid) -> None:
    """In a process of its own: a terminal's width is taken once."""
    monkeypatch.setenv("COLUMNS", "60")
    _, entries = livoid("--help", process=True).stdout.split("Commands:\n")
    lines = entries.split("\n\n")[0].splitlines()
    further = [line for line in lines if line.startswith("      ")]
    assert max(map(len, lines)) <= 60
    assert len(lines) - len(further) == len(SHOWN) + 2, "as many first lines as commands, help and version"
    assert all(line.startswith("  ") for line in lines)
    long = [line for line, after in itertools.pairwise(lines) if after in further]
    assert min(map(len, long)) > 40, "a line ends early: its text had been wrapped before"


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_INPUT
    assert "Commands:" in capsys.readouterr().out


def test_version_needs_no_dolfinx_nor_anything_that_takes_long() -> None:
    """What every command waits for is loaded by those alone that need it."""
    code = (
        "import sys; from solver.cli.main import main; code = main(['--version']);"
        "sys.exit(code or 9 * ('dolfinx' in sys.modules)"
        " or 9 * bool({'numpy', 'pint', 'pydantic', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"livoid {solver.__version__}\n"


def test_other_programs_get_all_their_options() -> None:
    for words in (["-q", "--quick", "-k", "x"], ["-h", "-v"], ["--", "-x"], ["--verbose"]):
        command, _ = parse(["test", *words])
        assert list(command.args) == words  # type: ignore[attr-defined]
    command, verbose = parse(["study", "a.toml", "--cores", "2", "--", "--verbose", "-n"])
    assert command.args == (Path("a.toml"), "--verbose", "-n")  # type: ignore[attr-defined]
    assert not verbose
    assert parse(["--verbose", "run", "a.toml"])[1]


def completed(words: str, folder: Path) -> list[str]:
    """What bash offers for the last of ``words`` after the script of ``livoid completion bash``."""
    script = subprocess.run(
        [sys.executable, "-m", "solver", "completion", "bash"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    (folder / "completion.bash").write_text(script, encoding="utf-8")
    ask = (
        f". {folder}/completion.bash; COMP_WORDS=({words}); COMP_CWORD=$(({len(words.split())} - 1));"
        "_livoid; printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p livoid"
    )
    result = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, timeout=60)
    *offered, registered = result.stdout.splitlines()
    assert registered == "complete -F _livoid livoid"
    return offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path: Path) -> None:
    assert completed("./livoid thr", tmp_path) == ["threshold"]
    assert completed("./livoid -n 2 sch", tmp_path) == ["schema"]
    assert completed("livoid run x.toml --res", tmp_path) == ["--resume"]
    assert completed("livoid compare p", tmp_path) == ["paper", "pressure"]
    case = os.path.relpath(ROOT / "cases" / "critical.toml")
    assert completed(f"livoid run {case[:-3]}", tmp_path) == [case]


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef livoid"), ("fish", "complete -c livoid")])
def test_other_shells_complete(shell: str, mark: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == EXIT_OK
    text = capsys.readouterr().out
    assert mark in text
    assert all(name in text for name in SHOWN)
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=text, text=True, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("given", "serial", "parallel"),
    [
        (
            "--quick",
            "-m not two_ranks and not slow -n auto --dist loadgroup",
            "-m parallel and not one_rank and not slow",
        ),
        (
            "-k name --quick -x",
            "-m not two_ranks and not slow -n auto --dist loadgroup -k name -x",
            "-m parallel and not one_rank and not slow -p no:cacheprovider -k name -x",
        ),
        ("", "-m not two_ranks -n auto --dist loadgroup", "-m parallel and not one_rank -p no:cacheprovider"),
        (
            "a/test_b.py -n 0",
            "-m not two_ranks -n 0 --dist loadgroup a/test_b.py",
            "-m parallel and not one_rank -p no:cacheprovider a/test_b.py",
        ),
        (
            "-n4 -x",
            "-m not two_ranks -n 4 --dist loadgroup -x",
            "-m parallel and not one_rank -p no:cacheprovider -x",
        ),
    ],
)
def test_quick_leaves_slow_tests_out_of_both_parts(
    given: str, serial: str, parallel: str, tmp_path: Path
) -> None:
    """Stand-ins for python3 and mpirun say what they are called with."""
    for name in ("python3", "mpirun"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*"\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["sh", str(ROOT / "tests" / "run.sh"), *given.split()],
        env=os.environ | path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    first, _, second = result.stdout.splitlines()
    assert first.startswith(f"python3 -m pytest {serial}")
    assert second.startswith(f"mpirun -n 2 python3 -m pytest {parallel}")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("--repeat 3", 1, "1 of 3 times all tests held"),
        ("--repeat=1 -k name", 0, "1 of 1 times all tests held"),
        ("--repeat many", 2, "not many"),
        ("--repeat 0", 2, "not 0"),
        ("--figures --repeat 2", 2, "whole suite alone"),
        ("--figures -x", 2, "whole suite alone"),
    ],
)
def test_the_parallel_part_is_repeated(given: str, code: int, said: str, tmp_path: Path) -> None:
    """A stand-in for mpirun holds the first time only."""
    (tmp_path / "mpirun").write_text('#!/bin/sh\necho "mpirun $*"\nmkdir "$HELD"\n', encoding="utf-8")
    (tmp_path / "mpirun").chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HELD": str(tmp_path / "held")}
    result = subprocess.run(
        ["sh", str(ROOT / "tests" / "run.sh"), *given.split()],
        env=os.environ | variables, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == code, result.stderr
    assert said in result.stdout + result.stderr
    runs = [line for line in result.stdout.splitlines() if line.startswith("mpirun -n 2 python3 -m pytest")]
    assert len(runs) == {"--repeat 3": 3, "--repeat=1 -k name": 1}.get(given, 0)
    assert all(line.endswith("-k name") for line in runs) or "-k" not in given


@pytest.mark.parametrize(
    ("command", "case", "work"),
    [
        ("neutral", "neutral", "neutral.neutral_study"),
        ("critical", "critical", "critical.neutral_sizes"),
        ("threshold", "threshold-li", "threshold.threshold_study"),
        ("focus", "critical", "focus.focus_study"),
    ],
)
def test_predictions_look_at_their_folder_before_they_compute(
    command: str,
    case: str,
    work: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_early(*_: object) -> None:
        raise AssertionError(work)

    monkeypatch.setattr(f"solver.predictions.{work}", too_early)
    (tmp_path / "file").touch()
    file = ROOT / "cases" / f"{case}.toml"
    assert main([command, str(file), "--out", str(tmp_path / "file" / "new")]) == EXIT_INPUT
    said = capsys.readouterr().err
    assert said.count("livoid: ") == 1 and "Traceback" not in said


@pytest.mark.parametrize("command", ["neutral", "critical", "threshold", "focus"])
def test_a_prediction_of_a_bad_case_leaves_nothing(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ROOT / "cases" / "critical.toml"
    words = [command, str(file), "--set", 'operation.pressure="-1 MPa"', "--out", str(tmp_path / "out")]
    assert main(words) == EXIT_INPUT
    assert "operation.pressure" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
