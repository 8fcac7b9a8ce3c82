"""A case file is data: its solver options tune a solver, and neither run a program nor reach a file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from solver.algebra.options import SOLVER_OPTIONS, with_overrides
from solver.case.loading import CaseError, parse_case
from solver.case.published import schema
from solver.case.schema.petsc_options import LINEAR, PARTS, TOP_OF_SPLIT
from solver.case.schema.solver_options import MAX_OPTIONS, kind_of
from solver.study.points import expand, load_points
from solver.study.schema import load_study
from tests.conftest import ROOT, TIMEOUT, case_data, environment

pytestmark = pytest.mark.kind("case that runs code or writes files")
Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
EVIL = "open('PWNED', 'w').write('x')\nclass PC: pass\n"


def with_options(**sets: Any) -> dict[str, Any]:
    """A small case with changed solver options; underscores of the sets' names are hyphens."""
    return case_data(numerics={"petsc": {name.replace("_", "-"): options for name, options in sets.items()}})


def problems(data: dict[str, Any]) -> list[str]:
    with pytest.raises(CaseError) as caught:
        parse_case(data)
    return caught.value.problems


@pytest.mark.parametrize(
    "options",
    [
        {"pc_type": "python", "pc_python_type": "./evil.py:PC", "pc_factor_mat_solver_type": "delete"},
        {"snes_view": "ascii:./VICTIM"},
    ],
)
def test_a_case_that_runs_python_or_writes_a_file_is_refused(
    livoid: Livoid, tmp_path: Path, options: dict[str, Any]
) -> None:
    (tmp_path / "evil.py").write_text(EVIL, encoding="utf-8")
    (tmp_path / "VICTIM").write_text("kept", encoding="utf-8")
    (tmp_path / "case.toml").write_text(tomli_w.dumps(with_options(newton_direct=options)), encoding="utf-8")
    result = livoid("run", "case.toml")
    assert result.returncode == 2
    assert f"numerics.petsc.newton-direct.{next(iter(options))} = " in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "VICTIM").read_text(encoding="utf-8") == "kept"
    assert {entry.name for entry in tmp_path.iterdir()} == {"evil.py", "VICTIM", "case.toml"}


def test_nothing_beside_a_case_runs_or_is_written_to(livoid: Livoid, tmp_path: Path) -> None:
    """Settings and modules that libraries look for in the present folder, which may be somebody else's."""
    victim = tmp_path / "VICTIM"
    victim.write_text("kept", encoding="utf-8")
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data(output={"fields": False})), encoding="utf-8")
    for name in ("petscrc", ".petscrc"):
        (tmp_path / name).write_text("-log_view ascii:VICTIM\n", encoding="utf-8")
    for name in ("solver", "numpy", "pydantic", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(EVIL, encoding="utf-8")
    plugin = {"cffi_extra_compile_args": ["-fplugin=./evil.so"], "cache_dir": str(tmp_path / "cache")}
    (tmp_path / "dolfinx_jit_options.json").write_text(json.dumps(plugin), encoding="utf-8")
    (tmp_path / "ffcx_options.json").write_text('{"scalar_type": "evil"}', encoding="utf-8")
    before = {entry.name for entry in tmp_path.iterdir()}
    result = livoid("run", "case.toml", "--set", "numerics.max_steps=1", "--out", "out")
    assert "Traceback" not in result.stderr
    assert (tmp_path / "out" / "series.csv").is_file(), result.stderr
    assert victim.read_text(encoding="utf-8") == "kept"
    assert {entry.name for entry in tmp_path.iterdir()} == before | {"out"}


def test_the_launcher_runs_no_module_of_the_present_folder(tmp_path: Path) -> None:
    for name in ("solver", "numpy", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(EVIL, encoding="utf-8")
    variables = {"LIVOID_ENV_KIND": "python"} | environment()
    result = subprocess.run(
        [str(ROOT / "livoid"), "schema"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert json.loads(result.stdout)["title"] == "livoid case", result.stderr
    assert not (tmp_path / "PWNED").exists()


def test_every_misspelt_name_is_named_at_once() -> None:
    found = problems(
        with_options(
            newton_drect={"snes_max_it": 5},
            newton_direct={"snes_mx_it": 5, "snes_max_it": "many", "pc_type": "cholesk"},
            creep_schur={
                "fieldsplit_velocty_pc_type": "lu",
                "fieldsplit_velocity_mg_levels_ksp_max_i": 2,
                "fieldsplit_potential_pc_type": "lu",
            },
        )
    )
    assert len(found) == 7
    where = "numerics.petsc."
    assert f"{where}newton-drect: no such set of solver options; did you mean 'newton-direct'?" in found
    assert (
        f"{where}newton-direct.snes_mx_it = 5: no such option of newton-direct; did you mean 'snes_max_it'?"
        in found
    )
    assert (
        f"{where}newton-direct.snes_max_it = 'many': expected a whole number from 1 to 10000 (or 'delete')"
        in found
    )
    text = "\n".join(found)
    assert f"{where}newton-direct.pc_type = 'cholesk': expected one of 'none', 'lu', 'cholesky'" in text
    assert "did you mean 'fieldsplit_velocity_pc_type'?" in text
    assert "did you mean 'fieldsplit_velocity_mg_levels_ksp_max_it'?" in text
    assert f"{where}creep-schur.fieldsplit_potential_pc_type = 'lu': no such option of creep-schur" in text


HOSTILE: list[tuple[str, Any]] = [
    ("pc_type", "shell"),
    ("pc_type", "python"),
    ("pc_type", "composite"),
    ("pc_type", "fieldsplit"),
    ("pc_type", "lu\n-log_view ascii:x"),
    ("pc_type", "lu -log_view"),
    ("pc_type", ["lu"]),
    ("pc_type", {"lu": 1}),
    ("pc_type", True),
    ("snes_type", "python"),
    ("snes_type", "shell"),
    ("ksp_type", "python"),
    ("ksp_python_type", "evil.KSP"),
    ("snes_python_type", "evil.SNES"),
    ("snes_linesearch_type", "shell"),
    ("snes_linesearch_python_type", "evil"),
    ("ksp_monitor", "ascii:x"),
    ("ksp_monitor", "evil.py"),
    ("ksp_monitor_python", "evil.f"),
    ("snes_monitor", "binary:x"),
    ("snes_monitor_solution", "vtk:x.vtu"),
    ("snes_converged_reason", "ascii:x"),
    ("ksp_view", ""),
    ("ksp_view_mat", "binary:x"),
    ("ksp_view_mat", "socket:1"),
    ("snes_view", "draw"),
    ("log_view", ":x"),
    ("-log_view", ":x"),
    ("options_file", "x"),
    ("options_file_yaml", "x"),
    ("prefix_push", "x"),
    ("on_error_attach_debugger", "x"),
    ("start_in_debugger", "x"),
    ("mat_mumps_icntl_1", 7),
    ("mat_mumps_icntl_3", 7),
    ("mat_mumps_icntl_22", 1),
    ("mat_mumps_ooc_tmpdir", "/tmp"),
    ("mat_mumps_icntl_14", 1.5),
    ("mat_mumps_icntl_14", True),
    ("mat_mumps_icntl_14", "100"),
    ("pc_mg_dump_binary", "x"),
    ("snes_mf_noise_file", "x"),
    ("pc_hypre_type", "euclid"),
    ("pc_hypre_boomeramg_smooth_type", "Euclid"),
    ("pc_hypre_boomeramg_print_debug", True),
    ("sub_pc_type", "python"),
    ("mg_levels_3_pc_python_type", "evil"),
    ("mg_levels_999_pc_type", "lu"),
    ("sub_" * 9 + "pc_type", "lu"),
    ("livoid_creep_1_snes_view", "ascii:x"),
    ("pc_type\n", "lu"),
    (" pc_type", "lu"),
    ("pc_type -log_view", "lu"),
    ("PC_TYPE", "lu"),
    ("", "lu"),
    ("x" * 10_000, 1),
    ("snes_max_it", 0),
    ("snes_max_it", 10**30),
    ("snes_atol", float("nan")),
    ("snes_atol", float("inf")),
    ("snes_atol", -1.0),
    ("snes_atol", "1e-9"),
    ("ksp_chebyshev_eigenvalues", "0.5,2.5\n"),
    ("ksp_chebyshev_eigenvalues", "0.5,2.5,ascii:x"),
    ("ksp_chebyshev_eigenvalues", "1,2,3"),
]


@pytest.mark.parametrize(("option", "value"), HOSTILE)
def test_hostile_options_are_refused_in_one_line(option: str, value: Any) -> None:
    found = problems(with_options(newton_direct={"ksp_max_it": 5, option: value}))
    assert len(found) == 1
    assert found[0].startswith("numerics.petsc.newton-direct")
    assert found[0].isprintable()


@pytest.mark.parametrize(
    "option",
    [
        "fieldsplit_velocity_mg_levels_pc_python_type",
        "fieldsplit_velocity_mg_levels_ksp_view",
        "fieldsplit_velocity_snes_view",
        "fieldsplit_velocity_mg_coarse_sub_pc_shell_name",
        "fieldsplit_pressure_ksp_ksp_monitor_python",
        "fieldsplit_fraction_pc_type",
        "fieldsplit_0_pc_type",
    ],
)
def test_a_prefix_opens_nothing(option: str) -> None:
    assert len(problems(with_options(creep_schur={option: "jacobi"}))) == 1
    assert (
        "expected one of"
        in problems(with_options(creep_schur={"fieldsplit_velocity_mg_levels_pc_type": "python"}))[0]
    )


@pytest.mark.parametrize("value", [3, "snes_view", [], {"newton-direct": 3}, {"newton-direct": ["pc_type"]}])
def test_what_is_no_table_is_refused(value: Any) -> None:
    assert len(problems(case_data(numerics={"petsc": value}))) == 1


def test_endless_lists_of_options_are_refused() -> None:
    many = {f"pc_typ{number}": "lu" for number in range(MAX_OPTIONS + 1)}
    assert f"more than {MAX_OPTIONS}" in problems(with_options(newton_direct=many))[0]


def test_every_option_of_every_set_may_be_written_into_a_case() -> None:
    assert set(PARTS) == set(SOLVER_OPTIONS)
    given = {name: dict(options) for name, options in SOLVER_OPTIONS.items()}
    kept = parse_case(case_data(numerics={"petsc": given})).case.numerics.petsc
    assert kept == given
    for name, options in SOLVER_OPTIONS.items():
        assert with_overrides(name, kept[name]) == options


def test_values_stay_as_they_are_and_delete_removes() -> None:
    changes = {
        "snes_max_it": 40,
        "snes_atol": 1e-9,
        "ksp_rtol": 0,
        "snes_ksp_ew": True,
        "snes_monitor": "",
        "pc_factor_mat_solver_type": "delete",
        "mat_mumps_icntl_7": 5,
        "mat_mumps_cntl_1": 0.01,
    }
    resolved = parse_case(with_options(newton_direct=changes)).resolved()
    again = parse_case(resolved).case.numerics.petsc["newton-direct"]
    assert again == changes
    assert [type(value) for value in again.values()] == [type(value) for value in changes.values()]
    assert "pc_factor_mat_solver_type" not in with_overrides("newton-direct", again)


@pytest.mark.parametrize(
    "option",
    [
        "fieldsplit_velocity_mg_levels_2_pc_sor_omega",
        "fieldsplit_velocity_mg_coarse_mg_levels_ksp_chebyshev_esteig_steps",
        "fieldsplit_velocity_mg_coarse_pc_gamg_threshold",
        "fieldsplit_velocity_mg_coarse_sub_pc_factor_levels",
        "fieldsplit_pressure_ksp_ksp_rtol",
        "fieldsplit_velocity_pc_hypre_boomeramg_P_max",
        "mat_mumps_icntl_35",
    ],
)
def test_solvers_inside_solvers_can_be_tuned(option: str) -> None:
    assert kind_of("creep-schur", option) is not None


def test_no_option_names_a_file_a_program_or_a_viewer() -> None:
    for name in TOP_OF_SPLIT | LINEAR:
        assert not any(
            word in name for word in ("python", "view", "file", "print", "dump", "tmpdir", "shell")
        )
    assert not any(
        word in str(kind) for kind in TOP_OF_SPLIT.values() for word in ("python", "shell", "Euclid")
    )


@pytest.mark.parametrize("table", ["fixed", "vary"])
def test_a_study_opens_nothing_either(tmp_path: Path, table: str) -> None:
    path = "numerics.petsc.newton-direct.pc_type"
    study = {
        "case": str(ROOT / "cases" / "demo-2MPa.toml"),
        "fixed": {path: "python"} if table == "fixed" else {},
        "vary": {path: ["cholesky", "python"]} if table == "vary" else {"operation.pressure": ["1 MPa"]},
    }
    file = tmp_path / "study.toml"
    file.write_text(tomli_w.dumps({"study": study}), encoding="utf-8")
    loaded = load_study(file)
    with pytest.raises(CaseError, match=r"newton-direct\.pc_type = 'python': expected one of"):
        load_points(loaded, file, expand(loaded))


def test_a_material_is_a_name_of_the_library_not_a_path() -> None:
    for name in ("../library/lithium", "/etc/passwd", "lithium.toml", "creep/lithium", "lithium\n"):
        assert any(
            "material.metal.name" in problem
            for problem in problems(case_data(material={"metal": {"name": name}}))
        )


def test_the_published_schema_refuses_the_same() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    published = jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))
    entry = published.schema["$defs"]["Numerics"]["properties"]["petsc"]
    options = jsonschema.Draft202012Validator(entry)
    assert options.is_valid({name: dict(given) for name, given in SOLVER_OPTIONS.items()})
    assert options.is_valid({"newton-direct": {"pc_factor_mat_solver_type": "delete"}})
    for wrong in (
        {"newton-drect": {}},
        {"newton-direct": {"snes_mx_it": 5}},
        {"newton-direct": {"snes_max_it": "many"}},
        {"newton-direct": {"pc_type": "python"}},
        {"newton-direct": {"fieldsplit_velocity_pc_type": "lu"}},
        {"creep-schur": {"fieldsplit_fraction_pc_type": "lu"}},
        {"creep-schur": {"fieldsplit_velocity_mg_levels_pc_python_type": "x"}},
    ):
        assert not options.is_valid(wrong), wrong
