"""Edges in any order and direction give the same paths and rings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshes.profile.base import ProfileError
from meshes.profile.chains import joined


@given(
    lengths=st.lists(st.integers(2, 12), min_size=1, max_size=4),
    closed=st.lists(st.integers(3, 12), max_size=3),
    seed=st.integers(0, 2**32 - 1),
)
def test_shuffled_edges_are_joined_again(lengths: list[int], closed: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(10 * (sum(lengths) + sum(closed)))[: sum(lengths) + sum(closed)]
    parts = np.split(numbers, np.cumsum([*lengths, *closed])[:-1])
    paths, rings = parts[: len(lengths)], parts[len(lengths) :]
    edges = [np.column_stack([p[:-1], p[1:]]) for p in paths]
    edges += [np.column_stack([r, np.roll(r, -1)]) for r in rings]
    table = rng.permutation(np.vstack(edges))
    flip = rng.random(len(table)) < 0.5
    table[flip] = table[flip, ::-1]
    found = joined(table)
    expected = {tuple(p) if p[0] < p[-1] else tuple(p[::-1]) for p in paths}
    assert {tuple(p) for p in found.paths} == expected
    assert {_turned(r) for r in found.rings} == {_turned(r) for r in rings}
    assert all(r[0] == r.min() for r in found.rings)


def test_nothing_is_joined_to_nothing() -> None:
    assert joined(np.empty((0, 2), dtype=np.int64)) == ([], [])


def test_edges_that_branch_are_no_chains() -> None:
    with pytest.raises(ProfileError, match="touch"):
        joined(np.array([[0, 1], [1, 2], [1, 3]]))


def _turned(ring: np.ndarray) -> tuple[int, ...]:  # type: ignore[type-arg]
    """The ring from its smallest number in the direction of the smaller neighbour."""
    start = np.roll(ring, -int(ring.argmin()))
    other = np.concatenate([start[:1], start[:0:-1]])
    return tuple(start if start[1] < start[-1] else other)
