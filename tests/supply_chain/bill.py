"""The bill of materials: what runs in production, in the form of CycloneDX, for other programs.

Owns the making and the checking against the format's own schema. Everything in it comes from the
lock, and from what the installed packages say of themselves; nothing is asked of an index.
"""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.release import DISTRIBUTION, Release, release
from pipelines.source_commit import UNKNOWN
from tests.supply_chain.licences import licensed
from tests.supply_chain.locked import ROOT, RUNTIME, pins

DESTINATION: Final = ROOT / "build" / "sbom.json"


def write_bill(destination: Path = DESTINATION) -> int:
    """Write it, checked; how many packages are in it. AssertionError: it is not well formed."""
    text = bill_of(release())
    fault = fault_of(text)
    assert fault is None, fault
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_text(text, encoding="utf-8")
    return len(json.loads(text)["components"])


def fault_of(text: str) -> str | None:
    """What of a bill the format does not allow; None: nothing."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return None if fault is None else str(fault)


def bill_of(made: Release) -> str:
    """The bill of one installation."""
    ours = Component(
        type=ComponentType.APPLICATION,
        name=DISTRIBUTION,
        version=made.version if made.commit == UNKNOWN else f"{made.version}+{made.commit}",
        bom_ref=DISTRIBUTION,
    )
    components = _components()
    bom = Bom(components=components.values())
    bom.metadata.component = ours
    bom.register_dependency(ours, [components[name] for name in _needs(DISTRIBUTION, components)])
    for name, component in components.items():
        bom.register_dependency(component, [components[each] for each in _needs(name, components)])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _components() -> Mapping[str, Component]:
    licences, make = {each.package: each.licence for each in licensed()}, LicenseFactory()
    return {
        pin.name: Component(
            type=ComponentType.LIBRARY,
            name=pin.name,
            version=pin.version,
            purl=PackageURL("pypi", name=pin.name, version=pin.version),
            bom_ref=f"{pin.name}=={pin.version}",
            licenses=[make.make_from_string(licences[pin.name])] if licences[pin.name] else [],
        )
        for pin in pins(RUNTIME)
        if pin.applies_in_production and pin.applies_here
    }


def _needs(name: str, known: Mapping[str, Component]) -> list[str]:
    """What a package needs of what is in the bill: options that nobody asked for are left out."""
    try:
        told = requires(name) or []
    except PackageNotFoundError:
        return []
    needed = {
        canonicalize_name(requirement.name)
        for requirement in map(Requirement, told)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    return sorted(needed & known.keys())
