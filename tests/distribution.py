"""How the suite shares the cores (pytest-xdist): what is made once for several tests stays on one of them."""

from __future__ import annotations

import os

import pytest

MOST_WORKERS = 8
"""More find little left to do: the longest tests take a minute, and each worker imports everything."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Workers for ``-n auto``: one for each core that is ours to use; none beside the only one."""
    cores = len(os.sched_getaffinity(0))
    return 0 if cores == 1 else min(cores, MOST_WORKERS)


def shared_by(item: pytest.Item) -> str | None:
    """What tests that use the same costly fixture have in common; None where there is none."""
    info = getattr(item, "_fixtureinfo", None)
    found = info.name2fixturedefs if info is not None else {}
    scopes = {name: defs[-1].scope for name, defs in found.items() if defs[-1].baseid.startswith("tests")}
    whole_session = sorted(name for name, scope in scopes.items() if scope == "session")
    if whole_session:
        return whole_session[0]
    return item.nodeid.split("::")[0] if "module" in scopes.values() else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Groups for ``--dist loadgroup``; what is long comes first, so that no core waits at the end.

    Of groups pytest-xdist takes those with the most tests first; a group of one test is one that is long.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        group = shared_by(item)
        if group is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: all(item.get_closest_marker(m) is None for m in ("slow", "xdist_group")))
