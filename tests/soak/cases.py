"""Random valid cases: a cell, its metal, what clamps it and what is done to it, drawn from one seed.

Values are drawn evenly in their logarithm from the ranges that cells are built and run at (``RANGES``), which
lie well within those of the schema. Meshes are coarse: a soak looks for what breaks, not for numbers.
"""

from __future__ import annotations

import math
import random
from typing import Any

Data = dict[str, Any]

RANGES: dict[str, tuple[float, float, str]] = {
    "width": (3.0, 15.0, "um"),
    "thickness": (4.0, 20.0, "um"),
    "void": (0.6, 2.6, "um"),
    "pressure": (0.05, 20.0, "MPa"),
    "current": (0.05, 3.0, "mA/cm^2"),
    "overpotential": (1.0, 30.0, "mV"),
    "capacity": (2e-4, 2e-2, "mAh/cm^2"),
    "rest": (1.0, 4e4, "s"),
    "temperature": (263.0, 353.0, "K"),
    "stiffness": (0.02, 200.0, "MPa/um"),
    "resistance": (0.2, 20.0, "ohm*cm^2"),
    "adhesion": (0.02, 2.0, "MPa"),
    "friction": (0.01, 1.0, "MPa"),
    "surface diffusivity": (1e-27, 1e-23, "m^3/s"),
    "sink length": (0.3, 10.0, "um"),
}
"""Lowest, highest, unit. Pressures: operando cells to die cells; stiffness: springs to steel; resistances:
range of the library; temperatures: where its activation energies were measured, and a little beyond."""
WIDEST_SOLID = 4.0
"""um; 3-D cells take some seconds a step at this size."""
CREEP: dict[str, tuple[str, ...]] = {
    "lithium": ("lithium", "lithium-anand-limited", "lithium-nabarro-herring", "narayan-anand-2018",
                "roy-fleck-deshpande-2021"),
    "lithium-magnesium": ("lithium-magnesium", "lithium-magnesium-anand-limited",
                          "lithium-magnesium-nabarro-herring"),
}  # fmt: skip
"""Laws of the library by metal."""


class Draw:
    """Random choices that depend on the seed alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"livoid soak {seed}")

    def chance(self, share: float) -> bool:
        """True in this share of the seeds."""
        return self._random.random() < share

    def of(self, *values: Any, weights: tuple[float, ...] | None = None) -> Any:
        """One of the values."""
        return self._random.choices(values, weights)[0]

    def between(self, low: float, high: float) -> float:
        """A number, even in its logarithm, of three digits as people write them."""
        return float(f"{low * (high / low) ** self._random.random():.3g}")

    def quantity(self, name: str, low: float = 0.0, high: float = math.inf) -> str:
        """A value within its range, and within narrower bounds, with its unit."""
        least, most, unit = RANGES[name]
        return f"{self.between(max(low, least), min(high, most))!r} {unit}"


def case_of(seed: int, kind: str | None = None) -> Data:
    """The case of a seed; ``kind`` (plane, axisymmetric, 3d) takes the place of the one drawn."""
    draw = Draw(seed)
    drawn = draw.of("plane", "axisymmetric", "3d", weights=(6, 2, 2))
    kind = kind or drawn
    width = draw.between(*(RANGES["width"][:2] if kind != "3d" else (2.5, WIDEST_SOLID)))
    thickness = draw.between(*(RANGES["thickness"][:2] if kind != "3d" else (4.0, 8.0)))
    data: Data = {"title": f"soak, seed {seed}", "geometry": _geometry(draw, kind, width, thickness)}
    smallest = _add_voids(draw, data, kind, width, thickness)
    _add_material(draw, data)
    _add_operation(draw, data, kind)
    _add_fixture(draw, data)
    _add_interface(draw, data, kind, width)
    _add_model(draw, data)
    data["numerics"] = _numerics(draw, kind, smallest)
    data["output"] = {"fields": draw.chance(0.5), "checkpoint_steps": draw.of(1, 7, 50)}
    return data


def _um(length: float) -> str:
    return f"{float(f'{length:.4g}')!r} um"


def _geometry(draw: Draw, kind: str, width: float, thickness: float) -> Data:
    geometry = {"kind": kind, "width": _um(width), "metal_thickness": _um(thickness)}
    if kind == "3d":
        geometry["depth"] = _um(width)
    if draw.chance(0.5):
        geometry["electrolyte_depth"] = _um(width * draw.of(0.5, 1.0, 3.0))
    return geometry


def _add_voids(draw: Draw, data: Data, kind: str, width: float, thickness: float) -> float:
    """Put voids into the cell; returns the smallest width (um)."""
    largest = min(RANGES["void"][1], 0.6 * width, 0.9 * thickness)
    # three dimensions: a quarter of a void in its corner; a circle: one on its axis
    many = draw.of(0, 1, 2, 3, "population", weights=(1, 3, 3, 2, 2)) if kind == "plane" else draw.of(1, 1, 0)
    if many == "population":
        mean = draw.between(0.8, 0.25 * width if width > 4.0 else 1.0)
        data["voids"] = {
            "density": f"{draw.between(0.05, 0.2)!r} 1/um", "mean_width": _um(mean),
            "width_deviation": _um(0.2 * mean), "smallest_width": "0.6 um",
            "aspect": draw.of(0.25, 0.5), "seed": draw.of(*range(100)),
        }  # fmt: skip
        return 0.6
    if many == 0:
        return 1.0
    place = 0.0
    smallest, voids = math.inf, []
    for number in range(many):
        room = min(largest, 0.5 * width / many)
        size = draw.between(min(RANGES["void"][0], 0.9 * room), room)
        position = 0.0 if number == 0 else place + 0.5 * size + draw.between(0.05, 0.3) * width / many
        if position and position + 0.5 * size > 0.97 * width:
            break
        place = position + 0.5 * size
        where = _um(position) if kind != "3d" else [_um(position)] * 2
        voids.append({"position": where, "width": _um(size)} | _roof(draw, size))
        smallest = min(smallest, size)
    data["void"] = voids
    return smallest


def _roof(draw: Draw, size: float) -> Data:
    if draw.chance(0.2):
        return {"shape": "cap", "contact_angle": f"{draw.of(60, 90, 120)} deg"}
    return {"height": _um(size * draw.of(0.2, 0.25, 0.5))}


def _add_material(draw: Draw, data: Data) -> None:
    metal = draw.of("lithium", "lithium-magnesium", weights=(2, 1))
    chosen: Data = {"name": metal}
    if draw.chance(0.3):
        chosen["interface_sink_length"] = draw.quantity("sink length")
    data["material"] = {"metal": chosen}
    if draw.chance(0.5):
        data["material"]["creep"] = {"name": draw.of(*CREEP[metal])}
    if draw.chance(0.5):
        data["material"]["electrolyte"] = {"name": "LPSCl", "area_resistance": draw.quantity("resistance")}


def _add_operation(draw: Draw, data: Data, kind: str) -> None:
    operation: Data = {"pressure": draw.quantity("pressure"), "temperature": draw.quantity("temperature")}
    if draw.chance(0.3):
        operation |= {"current": draw.quantity("current"), "capacity": draw.quantity("capacity")}
    else:
        steps = [_step(draw, draw.of("strip", "plate", weights=(3, 1)))]
        for _ in range(draw.of(1, 2, 3, 4)):
            steps.append(_step(draw, draw.of("strip", "plate", "rest", weights=(3, 3, 2))))
        operation |= {"step": steps, "cycles": draw.of(1, 1, 1, 2)}
    if draw.chance(0.3):
        operation["cutoff_voltage"] = f"{draw.of(0.05, 0.2, 0.4)} V"
    data["operation"] = operation


def _step(draw: Draw, do: str) -> Data:
    """A stage of the protocol: at a current or a held overpotential, with another pressure or the same."""
    step: Data = {"do": do}
    if draw.chance(0.25):
        step["pressure"] = draw.quantity("pressure")
    if do == "rest":
        return step | {"duration": draw.quantity("rest")}
    if draw.chance(0.25):
        step |= {
            "overpotential": draw.quantity("overpotential"),
            "duration": f"{draw.between(5.0, 500.0)!r} s",
        }
    else:
        step["current"] = draw.quantity("current")
    step["capacity"] = draw.quantity("capacity")
    if draw.chance(0.15):
        step["cutoff_contact_loss"] = draw.of(0.3, 0.6, 0.9)
    return step


def _add_fixture(draw: Draw, data: Data) -> None:
    kind = draw.of("dead load", "clamp", "follow", weights=(6, 3, 1))
    if kind == "clamp":
        data["fixture"] = {
            "stiffness": draw.quantity("stiffness"),
            "counter": draw.of("indium", "lithium", "rigid"),
        }
    elif kind == "follow":
        data["fixture"] = {"follow": "counter", "counter_expansion": draw.of(0.6, 0.9, 1.0)}
        data["model"] = {"top": "velocity"}
        for step in data["operation"].get("step", []):
            step.pop("pressure", None)


def _add_interface(draw: Draw, data: Data, kind: str, width: float) -> None:
    if draw.chance(0.35):
        data["contact_memory"] = {}
        if draw.chance(0.4):
            healing = {"rate": f"{draw.between(1e-5, 1e-2)!r} 1/s", "exponent": draw.of(1.0, 2.0)}
            data["contact_memory"] = {"healing": healing}
    if draw.chance(0.2):
        patch = {"position": _um(0.5 * width), "width": _um(0.2 * width), "factor": draw.of(0.1, 0.3, 10.0)}
        data["heterogeneity"] = {"patch": [patch]}
    if kind == "plane" and draw.chance(0.1):
        data.setdefault("model", {})["nucleation"] = {
            "supersaturation": 1.1, "width": "0.8 um", "spacing": "1 um",
        }  # fmt: skip


def _add_model(draw: Draw, data: Data) -> None:
    model = data.setdefault("model", {})
    if draw.chance(0.4):
        model["adhesion"] = draw.of("inf", draw.quantity("adhesion"))
    if draw.chance(0.3):
        model |= draw.of(
            {"friction": "stick"}, {"friction": "tresca", "friction_limit": draw.quantity("friction")}
        )
    if draw.chance(0.2):
        model["grip"] = True
    if draw.chance(0.1) and "nucleation" not in model:
        model["vacancies"] = False
    if draw.chance(0.15):
        model["surface_diffusion"] = draw.quantity("surface diffusivity")
    if draw.chance(0.2):
        model["kinetics"] = "linear"
    if draw.chance(0.2):
        model["at_event"] = "stop"
    if data["material"]["metal"]["name"] == "lithium-magnesium" and draw.chance(0.5):
        model["beyond_solubility"] = "continue"


def _numerics(draw: Draw, kind: str, smallest: float) -> Data:
    tip = max(0.05, min(0.15, 0.12 * smallest)) if kind != "3d" else max(0.12, min(0.25, 0.15 * smallest))
    numerics: Data = {
        "tip_size": _um(tip), "event_length": _um(tip), "roof_fraction": draw.of(0.15, 0.25),
        "growth": draw.of(0.4, 0.6), "courant": draw.of(0.4, 0.7),
        "regularisation": draw.of(1e-4, 1e-3, 1e-2), "smallest_quality": 0.2,
        "step_growth": draw.of(1.4, 2.0, 3.0),
    }  # fmt: skip
    if kind == "3d":
        numerics["largest_size"] = "1.5 um"
    return numerics


def kinds_of(data: Data) -> tuple[str, ...]:
    """What a case is an example of, for tables of what was tried."""
    operation, model = data["operation"], data["model"]
    steps = operation.get("step", [])
    kinds = [data["geometry"]["kind"], data["material"]["metal"]["name"]]
    kinds += sorted({step["do"] for step in steps}) or ["strip"]
    kinds += [
        name
        for name, holds in {
            "hold": any("overpotential" in step for step in steps),
            "pressure steps": any("pressure" in step for step in steps),
            "clamp": "stiffness" in data.get("fixture", {}),
            "driven platen": "follow" in data.get("fixture", {}),
            "contact memory": "contact_memory" in data,
            "patch": "heterogeneity" in data,
            "nucleation": "nucleation" in model,
            "no voids": not data.get("void") and "voids" not in data,
            "several voids": len(data.get("void", [])) > 1 or "voids" in data,
            "strength": "adhesion" in model,
        }.items()
        if holds
    ]
    return tuple(kinds)
