"""Linear response of a solved interface to a small alternating current: its impedance, and what makes it up.

The equations are those of :mod:`solver.equations.electrochemistry`, linearised (``ufl.derivative``) at the
state in its unknown, with the storage that the quasi-static ones leave out. Small amplitudes have a hat,
times are in L/v0, the mean current over the whole area is 1::

    (J + i omega M) u^ = b

    row of phi_e, phi_m    M: the double layer, c d(phi_m - phi_e)/dt on the contact, off thin gaps
    row of S               M: x_V dS/dt in the metal, x_V the fraction of vacant sites at S = 1
    row of x               M: dx/dt in the metal; J: div(J_x), and J_x . n = -x i on the contact

In the last row the flux J_x relative to all atoms is the model's own, and the condition on the contact
says that stripping takes no solute; what the atoms themselves carry through the metal is left out (it matters
below a frequency of v^2/(2 pi D)). Geometry, contact set and pressures are frozen: the impedance is that of
the interface as it is.

Tellegen's theorem splits it without a remainder: Z = phi_m^, and phi_m^ I^ is the integral of
kappa grad phi^ . grad phi^ over the electrolyte plus that of i^ (phi_m^ - phi_e^) over the contact, products
without conjugation; phi_m - phi_e = eta + E_eq goes share by share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from dolfinx import fem

from solver.algebra.assembly import ReducedMatrix
from solver.algebra.harmonic import HarmonicError as HarmonicError
from solver.algebra.harmonic import HarmonicSolver
from solver.equations.equation_set import summed
from solver.equations.terms import current, interdiffusion

if TYPE_CHECKING:
    from petsc4py import PETSc
    from ufl.core.expr import Expr

    from solver.equations.electrochemistry import ElectrochemistryProblem


@dataclass(frozen=True)
class Storage:
    """What the quasi-static equations leave out.

    Attributes:
        vacancies: x_V at S = 1, vacant sites over all.
        double_layer: capacitance of the contact per area, in i0 L/v0 over RT/F; 0 for none.
    """

    vacancies: float = 0.0
    double_layer: float = 0.0


@dataclass(frozen=True)
class Response:
    """Impedance at one frequency, in RT/(F i0), and its shares, which add up to it."""

    impedance: complex
    shares: dict[str, complex]


class LinearResponse:
    """The linearised equations on one mesh.

    Args:
        chemistry: solved; prescribes a current from now on, the one that flows.
        storage: capacitances.
        depth: of the electrolyte in the mesh, whose flat share is "ohmic" and the rest "constriction".
    """

    def __init__(self, chemistry: ElectrochemistryProblem, storage: Storage, depth: float) -> None:
        self.chemistry = chemistry
        self._depth = depth
        # the equation of phi_m is that of the current, whatever has been held
        prescribed = chemistry.prescribed
        if prescribed is None:
            prescribed = chemistry.contact_current() / chemistry.whole_area
        chemistry.control(prescribed)
        unknown, space = chemistry.unknown, chemistry.space
        self._capacitance = chemistry.constant(storage.double_layer)
        self._vacant = chemistry.constant(storage.vacancies)
        trial = ufl.TrialFunction(space)
        self._matrices: list[ReducedMatrix] = []
        self._stiffness = self._reduced(ufl.derivative(self._residual(), unknown, trial))
        self._storage = self._reduced(ufl.derivative(self._stored(), unknown, trial))
        self._solver = HarmonicSolver(self._stiffness, self._storage)
        self._source = chemistry.reduction.create_vector()
        tie = chemistry.reduction.tie_start
        if chemistry.reduction.comm.rank == chemistry.reduction.comm.size - 1:  # that owns ties
            self._source.setValue(tie, chemistry.whole_area)
        self._source.assemble()
        joule = ufl.derivative(current.Conduction()(chemistry), unknown, trial)
        self._joule = self._reduced(joule)
        self._parts = {name: self._products(part) for name, part in self._contact_parts().items()}

    def at(self, omega: float) -> Response:
        """Impedance at an angular frequency (v0/L). Collective; raises HarmonicError."""
        chemistry = self.chemistry
        state = self._solver.solve(omega, self._source)
        # b is the whole area in the row of phi_m alone, so that b . u is phi_m times it
        potential = complex(*(self._source.dot(part) for part in state)) / chemistry.whole_area
        flat = self._depth / chemistry.parameters.conductivity
        constriction = self._quadratic(self._joule, state) - flat
        shares = {"ohmic": complex(flat), "constriction": constriction}
        for name, (faradaic, capacitive) in self._parts.items():
            shares[name] = self._quadratic(faradaic, state)
            shares[name] += 1j * omega * self._quadratic(capacitive, state)
        for part in state:
            part.destroy()
        return Response(potential, shares)

    def destroy(self) -> None:
        """Free the PETSc objects (not those of the chemistry)."""
        self._solver.destroy()
        self._source.destroy()
        for matrix in self._matrices:
            matrix.destroy()

    def _residual(self) -> ufl.Form:
        """What vanishes in the steady state."""
        chemistry = self.chemistry
        terms = [t for t in chemistry.terms if not isinstance(t, interdiffusion.SoluteBalance)]
        forms = [term(chemistry) for term in terms]
        if chemistry.composition is not None:
            forms.append(self._solute())
        return summed(forms)

    def _solute(self) -> ufl.Form:
        chemistry, metal, state = self.chemistry, self.chemistry.metal, self.chemistry.state
        test = chemistry.test("fraction")
        flux = interdiffusion.weak_divergence(
            fraction=chemistry.field("fraction"),
            test=test,
            interdiffusivity=metal.interdiffusivity(state),
            velocity=metal.drift_velocity(state),
        )
        left_behind = chemistry.field("fraction")("+") * chemistry.current_density() * test("+")
        return chemistry.in_metal(flux) - chemistry.on_contact(left_behind)

    def _stored(self) -> ufl.Form:
        """What is stored, row by row."""
        chemistry = self.chemistry
        charge = self._double_layer()
        density = current.entering_current(current=charge, test=chemistry.test("potential")("+"))
        density += charge * chemistry.test("metal_potential")("+")
        forms = [chemistry.on_contact(density)]
        if chemistry.transport is not None:
            vacant = self._vacant * chemistry.supersaturation * chemistry.test("supersaturation")
            forms.append(chemistry.in_metal(vacant))
        if chemistry.composition is not None:
            forms.append(chemistry.in_metal(chemistry.field("fraction") * chemistry.test("fraction")))
        return summed(forms)

    def _double_layer(self) -> Expr:
        """Charge per area of the contact."""
        chemistry = self.chemistry
        touching = 1.0 - chemistry.kinetics.parted("+")
        drop = chemistry.metal_potential("+") - chemistry.potential("+")
        return self._capacitance * touching * drop

    def _contact_parts(self) -> dict[str, Expr]:
        """Shares of phi_m - phi_e on the contact; frozen pressure has none."""
        chemistry = self.chemistry
        parts = {"charge_transfer": chemistry.overpotential()}
        if chemistry.transport is not None and chemistry.parameters.vacancy_potential:
            parts["vacancy"] = current.vacancy_potential(supersaturation=chemistry.supersaturation("+"))
        composition = chemistry.composition_potential()
        if composition is not None:
            parts["composition"] = composition
        return parts

    def _products(self, part: Expr) -> tuple[PETSc.Mat, PETSc.Mat]:
        """Matrices of (current of u) times (share of w): through the contact, into its double layer."""
        chemistry = self.chemistry
        unknown, space = chemistry.unknown, chemistry.space
        share = ufl.derivative(part, unknown, ufl.TrialFunction(space))
        through, stored = (
            ufl.derivative(flow, unknown, ufl.TestFunction(space))
            for flow in (chemistry.current_density(), self._double_layer())
        )
        return (
            self._reduced(chemistry.on_contact(through * share)),
            self._reduced(chemistry.on_contact(stored * share)),
        )

    def _reduced(self, form: ufl.Form) -> PETSc.Mat:
        compiled = fem.form(form)
        made = ReducedMatrix(compiled, self.chemistry.reduction)
        made.assemble(compiled)
        self._matrices.append(made)
        return made.matrix

    def _quadratic(self, matrix: PETSc.Mat, state: tuple[PETSc.Vec, PETSc.Vec]) -> complex:
        """u' Q u over the whole area, without conjugation."""
        real, imaginary = state
        image = matrix.createVecLeft()
        matrix.mult(real, image)
        first, cross = real.dot(image), imaginary.dot(image)
        matrix.mult(imaginary, image)
        second, back = imaginary.dot(image), real.dot(image)
        image.destroy()
        return complex(first - second, cross + back) / self.chemistry.whole_area
