"""Topology of the interface: what changes, what stays, and who descends from whom."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshes import topology
from meshes.profile.base import segment
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.profile.polyline_roof import flat_roof
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from meshes.topology import Event, Labelled, Seed, resolve
from solver.interface.interface import Interface
from solver.interface.population import Population
from solver.output.voids import void_rows
from solver.simulation.ending import final_events
from solver.simulation.warnings import Warnings
from solver.stepping.observables import BalanceErrors

RULE = SizeRule(tip=0.05, growth=0.2, largest=1.0)


def profile(*shapes: VoidShape, width: float = 6.0, axisymmetric: bool = False) -> InterfaceProfile:
    return profile_from_shapes(
        list(shapes),
        width=width,
        metal_height=8.0,
        electrolyte_depth=6.0,
        rule=RULE,
        axisymmetric=axisymmetric,
    )


def metal(made: InterfaceProfile) -> float:
    return made.base_measure * made.metal_height - sum(void.measure for void in made.voids)


def changed(
    made: InterfaceProfile, *seeds: Seed, patience: float = 1.0
) -> tuple[Labelled[InterfaceProfile], list[Event]]:
    """Resolve, and check what must hold for every change."""
    labels = list(range(1, len(made.roofs) + 1))
    state, changes = resolve(made, labels, len(labels) + 1, RULE, seeds=seeds, patience=patience)
    new = state.profile
    assert metal(new) == pytest.approx(metal(made), rel=1e-14)
    assert len(state.labels) == len(new.roofs) == len(set(state.labels))
    assert new.is_simple()
    born = [label for change in changes for label in change.made]
    assert born == list(range(len(labels) + 1, state.next_label))
    assert set(state.labels) == {*labels, *born} - {n for change in changes for n in change.ended}
    # no change calls for another one
    if patience == 1.0:
        again, more = resolve(new, state.labels, state.next_label, RULE)
        assert more == []
        assert again.profile is new
    return state, changes


def kinds(made: InterfaceProfile) -> list[str]:
    return [change.kind for change in changed(made)[1]]


def dipped(depth: float, where: float = 3.0, left: float = 1.0, right: float = 5.0) -> InterfaceProfile:
    x = np.linspace(left, right, 161)
    height = 0.8 * np.sin(np.pi * (x - left) / (right - left))
    height *= 1.0 - depth * np.exp(-(((x - where) / 0.4) ** 2))
    height[[0, -1]] = 0.0
    return InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, height]),))


def test_nothing_happens_to_a_healthy_void() -> None:
    assert kinds(profile(VoidShape((3.0,), 2.0, 1.0), VoidShape((0.0,), 2.0, 1.0))) == []
    assert kinds(dipped(0.8)) == []


@pytest.mark.parametrize(
    ("shapes", "expected", "voids"),
    [
        ([VoidShape((3.0,), 0.25, 0.2)], ["collapse"], 0),
        ([VoidShape((0.0,), 0.28, 0.2)], ["collapse"], 0),
        ([VoidShape((2.0,), 2.0, 1.0), VoidShape((4.1,), 2.0, 1.0)], ["coalesce"], 1),
        ([VoidShape((1.0,), 1.8, 0.5), VoidShape((2.9,), 1.9, 1.0), VoidShape((4.9,), 2.0, 1.0)],
         ["coalesce", "coalesce", "coalesce"], 1),
        ([VoidShape((1.05,), 2.0, 1.0)], ["coalesce"], 1),
        ([VoidShape((4.96,), 2.0, 1.0)], ["coalesce"], 1),
        ([VoidShape((0.0,), 11.9, 1.0)], [], 1),
    ],
)  # fmt: skip
def test_changes_are_made(shapes: list[VoidShape], expected: list[str], voids: int) -> None:
    state, changes = changed(profile(*shapes))
    assert [change.kind for change in changes] == expected
    assert len(state.profile.roofs) == voids


def test_a_round_contact_inside_an_annular_void_is_lost() -> None:
    x = np.linspace(0.1, 3.0, 101)
    height = 0.9 * np.sqrt(np.clip(1.0 - ((x - 1.55) / 1.45) ** 2, 0.0, 1.0))
    ring = InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, height]),), axisymmetric=True)
    state, changes = changed(ring)
    assert [change.kind for change in changes] == ["coalesce"]
    assert state.profile.roofs[0][0, 0] == 0.0
    assert state.profile.roofs[0][0, 1] > 0.0


@pytest.mark.parametrize("depth", [0.99, 1.0, 1.01])
def test_a_roof_that_touches_splits_the_void(depth: float) -> None:
    state, changes = changed(dipped(depth))
    assert [change.kind for change in changes] == ["split"]
    assert (changes[0].ended, changes[0].made) == ((1,), (2, 3))
    gap = state.profile.roofs[1][0, 0] - state.profile.roofs[0][-1, 0]
    assert gap >= 0.999 * topology.NEW_CONTACT_LENGTHS * RULE.tip
    assert state.profile.roofs[0][-1, 0] < 3.0 < state.profile.roofs[1][0, 0]


def test_a_roof_that_touches_on_a_symmetry_side_becomes_one_void() -> None:
    whole = dipped(0.99).roofs[0]
    half = whole[80:].copy()
    half[:, 0] -= 3.0
    state, changes = changed(InterfaceProfile(3.0, 8.0, 6.0, (half,)))
    assert [change.kind for change in changes] == ["touch"]
    assert state.labels == [1]
    assert state.profile.roofs[0][0, 1] == 0.0


def test_a_roof_that_touches_beside_its_end_leaves_one_void() -> None:
    state, changes = changed(dipped(0.995, where=1.25))
    assert [change.kind for change in changes] == ["touch"]
    assert state.labels == [1]


def test_a_slit_that_comes_down_everywhere_vanishes() -> None:
    x = np.linspace(1.0, 4.0, 121)
    height = 0.09 * np.abs(np.sin(6.0 * np.pi * (x - 1.0) / 3.0))
    made = InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, height]),))
    state, changes = changed(made)
    assert state.profile.roofs == () or all(r[:, 1].max() >= RULE.tip for r in state.profile.roofs)
    assert changes


def test_a_roof_that_meets_itself_is_cut() -> None:
    """A bottle: the neck of the void closes above the electrolyte."""
    angle = np.linspace(-0.494 * np.pi, 1.494 * np.pi, 60)
    body = np.column_stack([3.0 - 0.8 * np.cos(angle), 1.6 + 0.8 * np.sin(angle)])
    foot = np.linspace([2.2, 0.0], body[0] - [0.05, 0.05], 20)
    mirror = np.column_stack([6.0 - foot[::-1, 0], foot[::-1, 1]])
    roof = np.vstack([foot, body, mirror])
    state, changes = changed(InterfaceProfile(6.0, 8.0, 6.0, (roof,)))
    assert "pinch" in [change.kind for change in changes]
    assert state.profile.roofs == () or float(state.profile.roofs[0][:, 1].max()) < 1.5


@pytest.mark.parametrize("left", [2.9, 0.0, 5.5])
def test_a_void_opens_where_there_is_room(left: float) -> None:
    made = profile(VoidShape((1.8,), 1.0, 0.5))
    state, changes = changed(made, Seed(segment(left, left + 0.5), 0.01, "open"))
    assert [change.kind for change in changes] == ["open"]
    assert len(state.profile.roofs) == 2
    new = state.labels.index(2)
    assert state.profile.widths()[new] >= topology.OPEN_LENGTHS * RULE.tip * (1 - 1e-12)
    assert state.profile.roofs[new][:, 1].max() == pytest.approx(topology.OPEN_HEIGHT * RULE.tip, rel=1e-3)


def test_no_void_opens_on_top_of_another() -> None:
    made = profile(VoidShape((1.5,), 2.0, 1.0), VoidShape((3.6,), 1.2, 0.6))
    assert changed(made, Seed(segment(2.6, 2.9), 0.1, "open"))[1] == []
    assert changed(made, Seed(segment(1.2, 1.8), 0.1, "open"))[1] == []


def test_impatience_ends_what_is_about_to_end() -> None:
    made = profile(VoidShape((3.0,), 0.5, 0.3))
    assert changed(made)[1] == []
    assert [change.kind for change in changed(made, patience=3.0)[1]] == ["collapse"]


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.floats(0.2, 3.0), st.floats(0.06, 2.0), st.floats(0.01, 2.0)), min_size=1, max_size=8
    ),
    depth=st.floats(0.0, 1.05),
    seed=st.floats(0.0, 1.0),
)
def test_any_row_of_voids_is_resolved(
    data: list[tuple[float, float, float]], depth: float, seed: float
) -> None:
    """Metal is kept, labels are consistent, nothing crosses, and nothing is left to do."""
    x, shapes = 0.1, []
    for width, height, gap in data:
        shapes.append(VoidShape((x + 0.5 * width,), width, height))
        x += width + gap
    made = profile(*shapes, width=x + 0.3)
    roofs = []
    for roof in made.roofs:
        inner, middle = roof.copy(), 0.5 * (roof[0, 0] + roof[-1, 0])
        dip = 1.0 - depth * np.exp(-(((roof[:, 0] - middle) / (0.2 * np.ptp(roof[:, 0]))) ** 2))
        inner[:, 1] *= dip
        roofs.append(inner)
    made = InterfaceProfile(made.width, made.metal_height, made.electrolyte_depth, tuple(roofs))
    where = seed * made.width
    changed(made, Seed(segment(where, where + 0.2), 0.02, "open"))


def test_mirrored_interfaces_change_alike() -> None:
    made = profile(VoidShape((1.0,), 1.4, 0.5), VoidShape((2.55,), 1.6, 0.7), VoidShape((5.0,), 0.27, 0.2))
    mirror = InterfaceProfile(
        made.width,
        made.metal_height,
        made.electrolyte_depth,
        tuple(np.column_stack([made.width - r[::-1, 0], r[::-1, 1]]) for r in reversed(made.roofs)),
    )
    one, two = changed(made)[0].profile, changed(mirror)[0].profile
    for a, b in zip(one.roofs, reversed(two.roofs), strict=True):
        np.testing.assert_allclose(np.column_stack([made.width - b[::-1, 0], b[::-1, 1]]), a, atol=1e-12)


def test_final_events() -> None:
    wide = profile(VoidShape((0.0,), 11.9, 1.0))
    assert [e.kind for e in final_events(wide, 0.02, 8.0)] == ["delaminate"]
    assert [e.kind for e in final_events(profile(VoidShape((3.0,), 4.0, 7.9)), 0.02, 8.0)] == ["exhausted"]
    assert final_events(profile(VoidShape((3.0,), 2.0, 1.0)), 0.02, 8.0) == []


def test_lineage_is_a_forest_without_gaps() -> None:
    made = profile(VoidShape((1.0,), 1.4, 0.5), VoidShape((2.55,), 1.6, 0.7), VoidShape((5.0,), 0.27, 0.2))
    voids = Population.seeded(made)
    state, changes = resolve(made, voids.labels, voids.next_label, RULE)
    voids.change(changes, state.labels, state.next_label, (2.0, 0.1))
    lives = voids.lives
    assert lives[3].fate == "collapse" and lives[3].children == ()
    assert lives[4].parents == (1, 2) and lives[1].children == lives[2].children == (4,)
    assert lives[4].begin == lives[1].end == (2.0, 0.1)
    assert voids.labels == [4]
    again = Population.restored(voids.state())
    assert again == voids
    rows = void_rows(voids, state.profile, 0, 2.0, 0.1)
    assert [(row.void, row.parents) for row in rows] == [(4, "1+2")]
    assert rows[0].x_um == pytest.approx((0.35 * 1.0 + 0.56 * 2.55) / 0.91, rel=1e-2)


def test_contact_fraction_and_width_with_mirror_image() -> None:
    made = profile(VoidShape((0.0,), 2.0, 1.0))
    assert made.contact_fraction() == pytest.approx(5.0 / 6.0, rel=5e-3)
    # a polygon of the same area is a little wider than the ellipse, by O(h^2)
    assert made.widths()[0] == pytest.approx(2.0, rel=5e-3)
    round_one = profile(VoidShape((0.0,), 6.0, 1.0), axisymmetric=True)
    assert round_one.contact_fraction() == pytest.approx(0.75, rel=5e-3)
    stretches = [s for s, _ in made.contact_stretches()]
    assert all(a[1] <= b[0] for a, b in pairwise(stretches))


def test_a_flat_roof_stays_where_its_void_meets_another() -> None:
    x = np.linspace(0.8, 3.9, 125)
    flat = 0.2 * np.minimum(1.0, np.minimum(x - 0.8, 3.9 - x) / 0.2) ** 0.5
    flat[[0, -1]] = 0.0
    other = profile(VoidShape((4.9,), 1.7, 0.8)).roofs[0]
    made = InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, flat]), other))
    state, changes = changed(made)
    assert [change.kind for change in changes] == ["coalesce"]
    merged = state.profile.resampled(RULE)[0].roofs[0]
    middle = (merged[:, 0] > 1.2) & (merged[:, 0] < 3.4)
    # cutting the flat void back to its far rim would leave nothing here but the piece in between
    assert np.count_nonzero(middle) > 10
    assert merged[middle, 1] == pytest.approx(0.2, abs=0.02)
    assert merged[1:-1, 1].min() > 0.0


def test_resampling_does_not_go_through_the_electrolyte() -> None:
    x = np.array([1.0, 1.02, 1.1, 1.3, 3.0, 4.7, 4.9, 4.98, 5.0])
    y = np.array([0.0, 0.3, 0.4, 0.03, 0.02, 0.03, 0.4, 0.3, 0.0])
    made = InterfaceProfile(6.0, 8.0, 6.0, (np.column_stack([x, y]),))
    assert made.resampled(RULE)[0].roofs[0][1:-1, 1].min() > 0.0


def test_changes_that_are_nearly_due_are_made_together() -> None:
    due, nearly, later = 0.15, 0.23, 0.5
    shapes = [VoidShape((1.6,), 1.4, 0.7)]
    for gap in (due, nearly, later):
        centre = shapes[-1].center[0] + 1.4 + gap
        shapes.append(VoidShape((centre,), 1.4, 0.7))
    made = profile(*shapes, width=9.0)
    for factor, count in ((1.0, 1), (1.3, 2), (3.0, 3)):
        interface = Interface(made, Population.seeded(made), RULE, together=factor)
        assert [event.kind for event in interface.changes(None)[1]] == ["coalesce"] * count
    # nothing is due: nothing is made
    calm = profile(*shapes[2:], width=9.0)
    assert Interface(calm, Population.seeded(calm), RULE, together=1.5).changes(None)[1] == []


OVERHANG = [
    (86.61, 0),
    (86.557, 0.191),
    (86.564, 0.54),
    (86.073, 0.377),
    (85.587, 0.203),
    (85.119, 0.434),
    (85.109, 0.958),
    (85.373, 1.408),
    (85.73, 1.789),
    (86.185, 2.044),
    (86.7, 2.131),
    (87.2, 1.983),
    (87.603, 1.651),
    (88.044, 1.372),
    (88.566, 1.353),
    (89.049, 1.551),
    (89.555, 1.679),
    (90.056, 1.533),
    (90.531, 1.316),
    (91.01, 1.108),
    (91.283, 0.662),
    (90.931, 0.272),
    (90.46, 0.398),
    (90.179, 0.202),
    (90.2, 0),
]
"""Roof of a void in Li-Mg that leans over the contact on its left (from a run)."""


def beside_the_overhang(*more: np.ndarray) -> InterfaceProfile:  # type: ignore[type-arg]
    roof = np.array(OVERHANG) - [80.0, 0.0]
    return InterfaceProfile(16.0, 8.0, 6.0, (*more, roof))


def test_no_void_opens_below_a_roof_that_hangs_over() -> None:
    rule = SizeRule(tip=0.15, growth=0.6, largest=4.0)
    for middle, opens in ((4.86, False), (3.0, True)):
        seed = Seed(segment(middle - 0.1, middle + 0.1), 0.0, "open")
        events = resolve(beside_the_overhang(), [1], 2, rule, seeds=[seed])[1]
        assert bool(events) == opens


def test_points_stay_where_new_ones_would_let_roofs_cross() -> None:
    rule = SizeRule(tip=0.15, growth=0.6, largest=4.0, roof_fraction=0.25)
    below = flat_roof(4.1072, 5.6072, 0.375, False, False)
    tight = beside_the_overhang(below)
    assert tight.is_simple()
    assert not tight.resampled(rule)[0].is_simple()
    assert next(tight.variants(rule)) is tight
    calm = beside_the_overhang()
    coarse = SizeRule(tip=0.1, growth=0.6, largest=4.0)
    tries = list(calm.variants(coarse))
    assert tries[1] is calm
    counts = [len(profile.roofs[0]) for profile in (tries[0], *tries[2:])]
    assert counts[0] > len(OVERHANG) and counts == sorted(set(counts))


def test_a_balance_that_is_not_kept_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = Warnings()
    with caplog.at_level("WARNING", logger="livoid"):
        watch.balances(1e-9, BalanceErrors(1e-9, 1e-8), 3)
        watch.balances(1e-9, BalanceErrors(1e-9, 1e-4, exchanged=1e-9), 3)
        assert not caplog.records
        for step in (4, 5):
            watch.balances(1e-9, BalanceErrors(1.0, 1e-8), step)
    assert [record.getMessage() for record in caplog.records] == [
        "the balance of lithium is off by 1 at step 4: do not trust this run"
    ]
