"""The software bill of materials: every package around livoid, as CycloneDX 1.6 (JSON)."""

from __future__ import annotations

from collections.abc import Iterator

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

import solver
from solver.core import packages

OWN_LICENCE = "LGPL-3.0-or-later"


def bill_of_materials() -> str:
    """The bill as text, with its time and a serial number."""
    licences = LicenseFactory()
    bill = Bom()
    own = Component(
        name="livoid",
        version=solver.__version__,
        type=ComponentType.APPLICATION,
        bom_ref="livoid",
        licenses=[licences.make_from_string(OWN_LICENCE)],
    )
    bill.metadata.component = own
    for package, address in _addresses():
        bill.components.add(
            Component(
                name=package.name,
                version=package.version,
                type=ComponentType.LIBRARY,
                purl=address,
                bom_ref=str(address),
                licenses=[licences.make_from_string(package.licence)] if package.licence else [],
            )
        )
    bill.register_dependency(own, bill.components)
    return JsonV1Dot6(bill).output_as_string(indent=2)


def _addresses() -> Iterator[tuple[packages.Package, PackageURL]]:
    """Every package with its address."""
    name, release = packages.distribution()
    for package in packages.debian_packages():
        more = {"arch": package.architecture, "distro": release, "upstream": package.source}
        if package.source == package.name:
            del more["upstream"]
        yield package, PackageURL("deb", name, package.name, package.version, more)
    for package in packages.pypi_packages():
        yield package, PackageURL("pypi", None, package.name, package.version)
