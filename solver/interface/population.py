"""The voids of a run with their identity: labels, ancestry, what became of them (model.md 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from meshes.topology import Event


@dataclass
class VoidLife:
    """Where one void comes from and what becomes of it; ``end`` is None while it lives.

    Attributes:
        label: never used twice in a run.
        origin: ``seed`` or the kind of the change that made it.
        begin: (s, mAh/cm2).
        parents: labels of the voids it was made from.
        fate: kind of the change that ended it, empty while it lives.
        end: (s, mAh/cm2).
        children: labels of the voids made from it.
    """

    label: int
    origin: str
    begin: tuple[float, float]
    parents: tuple[int, ...] = ()
    fate: str = ""
    end: tuple[float, float] | None = None
    children: tuple[int, ...] = ()


@dataclass
class Population:
    """All voids that a run has seen.

    Attributes:
        labels: of the present voids, from left to right.
        next_label: first free one.
        lives: by label.
    """

    labels: list[int] = field(default_factory=list)
    next_label: int = 1
    lives: dict[int, VoidLife] = field(default_factory=dict)

    @classmethod
    def seeded(cls, profile: Profile) -> Population:
        """The seeds of a run, numbered from 1 from left to right."""
        count = len(profile.widths())
        labels = list(range(1, count + 1))
        return cls(labels, count + 1, {k: VoidLife(k, "seed", (0.0, 0.0)) for k in labels})

    def change(
        self, changes: Sequence[Event], labels: Sequence[int], next_label: int, when: tuple[float, float]
    ) -> None:
        """Enter changes of topology that happened at ``when`` (s, mAh/cm2)."""
        for change in changes:
            for label in change.made:
                self.lives[label] = VoidLife(label, change.kind, when, change.ended)
            for label in change.ended:
                life = self.lives[label]
                life.fate, life.end, life.children = change.kind, when, change.made
        self.labels, self.next_label = list(labels), next_label

    def state(self) -> dict[str, Any]:
        """Plain data for the checkpoint."""
        lives = [asdict(life) for life in self.lives.values()]
        return {"labels": self.labels, "next_label": self.next_label, "lives": lives}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Population:
        """The population of :meth:`state`, which may have gone through JSON."""
        lives = {}
        for data in state["lives"]:
            end = tuple(data["end"]) if data["end"] is not None else None
            parts = {name: tuple(data[name]) for name in ("begin", "parents", "children")}
            lives[data["label"]] = VoidLife(**data | parts | {"end": end})
        return cls(list(state["labels"]), int(state["next_label"]), lives)
