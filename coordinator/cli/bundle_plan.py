"""What has to be done so that a model is as a bundle says.  Pure.

Role: (bundle, what is in the model) -> steps in order, each with the line that people read.  Nothing is ever
removed, and what is there already is no step.
Not here: reading bundles (bundle.py), carrying steps out (bundle_steps.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.domain.bundle import Bundle, BundleApplication, Exposure
from coordinator.domain.names import EndpointName

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class UploadCharm:
    path: str

    def __str__(self) -> str:
        return f"upload charm {self.path}"


@dataclass(frozen=True, slots=True)
class DeployApplication:
    app: BundleApplication

    def __str__(self) -> str:
        return f"deploy application {self.app.name} with charm {self.app.charm}"


@dataclass(frozen=True, slots=True)
class RefreshApplication:
    app: BundleApplication

    def __str__(self) -> str:
        return f"refresh application {self.app.name} with charm {self.app.charm}"


@dataclass(frozen=True, slots=True)
class AttachResource:
    app: str
    name: str

    def __str__(self) -> str:
        return f"attach resource {self.name} to {self.app}"


@dataclass(frozen=True, slots=True)
class SetOptions:
    app: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"set application options for {self.app}: {', '.join(sorted(self.options))}"


@dataclass(frozen=True, slots=True)
class SetConstraints:
    app: str
    constraints: Mapping[str, str]

    def __str__(self) -> str:
        return f"set constraints for {self.app} to {' '.join(f'{k}={v}' for k, v in self.constraints.items())}"


@dataclass(frozen=True, slots=True)
class BindEndpoints:
    app: str
    bindings: Mapping[str, str]

    def __str__(self) -> str:
        words = [f"{endpoint}={space}" if endpoint else space for endpoint, space in self.bindings.items()]
        return f"bind {self.app} to {' '.join(words)}"


@dataclass(frozen=True, slots=True)
class GrantTrust:
    app: str

    def __str__(self) -> str:
        return f"trust {self.app}"


@dataclass(frozen=True, slots=True)
class Expose:
    app: str
    endpoint: str
    exposure: Exposure

    def __str__(self) -> str:
        what = f"endpoint {self.endpoint} of {self.app}" if self.endpoint else f"all endpoints of {self.app}"
        spaces = f"spaces {', '.join(self.exposure.spaces)}" if self.exposure.spaces else ""
        cidrs = self.exposure.cidrs or (() if spaces else ANYWHERE)
        sources = " and ".join(filter(None, (f"CIDRs {', '.join(cidrs)}" if cidrs else "", spaces)))
        return f"expose {what} and allow access from {sources}"


@dataclass(frozen=True, slots=True)
class AddUnit:
    """*machine* is one of the model's; *beside*: the application and the number of its unit to be on the machine
    of; neither: anywhere."""

    app: str
    machine: str | None = None
    beside: tuple[str, int] | None = None

    def __str__(self) -> str:
        where = f" to machine {self.machine}" if self.machine is not None else ""
        where = f" to the machine of unit {self.beside[1]} of {self.beside[0]}" if self.beside else where
        return f"add unit of {self.app}{where}"


@dataclass(frozen=True, slots=True)
class Relate:
    left: EndpointName
    right: EndpointName

    def __str__(self) -> str:
        return f"add relation {self.left} - {self.right}"


Step = (
    UploadCharm
    | DeployApplication
    | RefreshApplication
    | AttachResource
    | SetOptions
    | SetConstraints
    | BindEndpoints
    | GrantTrust
    | Expose
    | AddUnit
    | Relate
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Hashes of what the bundle's paths name: of charms by path, of resources by application and name."""

    charms: Mapping[str, str]
    resources: Mapping[tuple[str, str], str]


def plan(bundle: Bundle, present: Mapping[str, Any], content: Content, machines: Mapping[str, str]) -> list[Step]:
    """Return the steps; *present* is what `GET …/bundle` answers, *machines* says which each of the bundle is."""
    there = present["applications"]
    known = {tree["sha256"] for tree in there.values()}
    wanted = {app.charm: None for app in bundle.applications.values() if content.charms[app.charm] not in known}
    steps: list[Step] = [UploadCharm(path) for path in wanted]
    for app in bundle.applications.values():
        steps += _settings(app, there.get(app.name), content)
    for app in bundle.applications.values():
        steps += _units(bundle, app, there.get(app.name), machines)
    steps += [Relate(*ends) for ends in bundle.relations if not _is_related(ends, present["relations"])]
    return steps


def _settings(app: BundleApplication, tree: Mapping[str, Any] | None, content: Content) -> Iterator[Step]:
    if tree is None:
        yield DeployApplication(app)
        tree = {"exposed": {}}
    else:
        yield from _differences(app, tree, content)
    for endpoint, exposure in app.exposed.items():
        sources = (*exposure.cidrs, *exposure.spaces) or ANYWHERE
        if sorted(tree["exposed"].get(endpoint, ())) != sorted(sources):
            yield Expose(app.name, endpoint, exposure)


def _differences(app: BundleApplication, tree: Mapping[str, Any], content: Content) -> Iterator[Step]:
    """Yield what brings an application that is there in line."""
    if content.charms[app.charm] != tree["sha256"]:
        yield RefreshApplication(app)  # with its resources, options and bindings
    else:
        for name in app.resources:
            if content.resources[app.name, name] != tree["resources"].get(name):
                yield AttachResource(app.name, name)
        has = {**tree["defaults"], **tree["options"]}
        options = {name: value for name, value in app.options.items() if not _is_same(has.get(name), value)}
        if options:
            yield SetOptions(app.name, options)
        usual = tree["bindings"].get("", "alpha")
        bindings = {name: to for name, to in app.bindings.items() if tree["bindings"].get(name, usual) != to}
        if bindings:
            yield BindEndpoints(app.name, bindings)
    if app.constraints and app.constraints != tree["constraints"]:
        yield SetConstraints(app.name, app.constraints)
    if app.trust and not tree["trust"]:
        yield GrantTrust(app.name)


def _is_same(has: Any, wanted: Any) -> bool:
    """Say whether an option that is *has* would be the same after *wanted*, which may be text, was set."""
    if isinstance(has, bool):
        return str(has).lower() == str(wanted).lower()
    return has == wanted or (isinstance(has, (int, float)) and str(has) == str(wanted))


def _units(
    bundle: Bundle, app: BundleApplication, tree: Mapping[str, Any] | None, machines: Mapping[str, str]
) -> Iterator[Step]:
    for index in range(len(tree["units"]) if tree is not None else 0, app.units):
        placement = app.placements[index]
        if placement.app is None:
            yield AddUnit(app.name, machine=machines[placement.machine] if placement.machine is not None else None)
        else:
            count = bundle.applications[placement.app].units
            number = index % max(1, count) if placement.number is None else placement.number
            yield AddUnit(app.name, beside=(placement.app, number))


def _is_related(ends: tuple[EndpointName, EndpointName], relations: list[list[list[str]]]) -> bool:
    def fits(end: EndpointName, side: list[str]) -> bool:
        return end.app == side[0] and end.endpoint in (None, side[1])

    return any(
        (fits(ends[0], one) and fits(ends[1], other)) or (fits(ends[0], other) and fits(ends[1], one))
        for one, other in relations
    )
