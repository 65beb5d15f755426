"""Bundles: several applications, what they are set to, and how they are related, as people write them down.

Role: the types, the way there from YAML that was read (with overlays merged, see overlay.py), and every check that
needs no model.  Problems are collected: whoever wrote the bundle sees them all at once.
Not here: files (cli/bundle.py), what is done about the difference to a model (cli/bundle_plan.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.domain.constraints import constraint_values
from coordinator.domain.names import EndpointName, check_application_name
from coordinator.errors import Refused

LOCAL = "local:"
ANYWHERE = "new"  # a placement: wherever the unit fits
#: What bundles say that changes nothing here: about the bundle, bases of charms, a store.
_INFORMATIVE = {
    "bundle", "description", "name", "tags", "docs", "website", "issues", "source", "variables", "series",
    "default-base",
}  # fmt: skip
_OF_BUNDLES = {*_INFORMATIVE, "applications", "machines", "relations", "saas"}
_OF_MACHINES = {"constraints", "base", "series", "annotations"}
_OF_APPLICATIONS = {
    "charm", "channel", "revision", "base", "series", "num_units", "scale", "to", "placement", "expose", "options",
    "annotations", "constraints", "storage", "devices", "resources", "bindings", "trust", "plan",
    "exposed-endpoints", "offers",
}  # fmt: skip
_PLACEMENT = re.compile(r"(?:(?P<container>[a-z]+):)?(?P<where>[^:/\s]+)(?:/(?P<number>\d+))?")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a unit goes: to a machine of the bundle, or to that of a unit of *app* (*number* None: to that of the
    unit with the same number); neither: anywhere."""

    machine: str | None = None
    app: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """From where the ports of an endpoint can be reached; nothing given: from anywhere."""

    cidrs: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleApplication:
    """`charm` is a path, or what the model calls one: `local:pear-0`.  `placements` has one for each unit."""

    name: str
    charm: str
    units: int = 0
    placements: tuple[Placement, ...] = ()
    exposed: Mapping[str, Exposure] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    trust: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """`applications` in an order in which each comes after those beside whose units it has its own.  `machines`:
    their names in the bundle.  `remarks`: what of it has no meaning here."""

    applications: Mapping[str, BundleApplication]
    machines: tuple[str, ...] = ()
    relations: tuple[tuple[EndpointName, EndpointName], ...] = ()
    remarks: tuple[str, ...] = ()


def read_bundle(tree: Mapping[str, Any]) -> Bundle:
    """Return the bundle that *tree* says, overlays merged and paths made absolute.

    Raises:
        Refused: it is wrong, or wants what is not here; the text has one line for each problem.
    """
    return _Reader(tree).read()


class _Reader:
    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree
        self.problems: list[str] = []
        self.remarks: list[str] = []

    def read(self) -> Bundle:
        self._unknown("the bundle", self._tree, _OF_BUNDLES)
        if self._tree.get("bundle") == "kubernetes":
            self.problems.append("it is for kubernetes, and applications are on machines here")
        if self._tree.get("saas"):
            self.problems.append(
                "it consumes offers (saas), and applications of different models cannot be related"
            )
        machines = self._machines()
        trees = self._mapping("applications", self._tree)
        if not trees:
            self.problems.append("at least one application must be specified")
        apps = {str(name): self._application(str(name), tree, machines, trees) for name, tree in trees.items()}
        relations = self._relations(apps)
        named = {each.machine for app in apps.values() for each in app.placements}
        for machine in machines:
            if machine not in named:
                self.problems.append(f'machine "{machine}" is not referred to by a placement directive')
        order = self._in_order(apps)
        if self.problems:
            text = "\n".join(self.problems)
            raise Refused(f"the provided bundle has the following errors:\n{text}", fix="correct the bundle")
        return Bundle(
            applications={name: apps[name] for name in order},
            machines=tuple(machines),
            relations=relations,
            remarks=tuple(self.remarks),
        )

    # --- machines ----------------------------------------------------------------------------------------

    def _machines(self) -> list[str]:
        found = []
        for key, tree in self._mapping("machines", self._tree).items():
            name = str(key)
            found.append(name)
            if tree is None:
                continue
            if not isinstance(tree, Mapping):
                self.problems.append(f'machine "{name}" is no mapping')
                continue
            self._unknown(f'machine "{name}"', tree, _OF_MACHINES)
            if tree.get("constraints"):
                self.remarks.append(f'constraints of machine "{name}" are not asked: you say which machine it is')
        return found

    # --- applications ------------------------------------------------------------------------------------

    def _application(
        self, name: str, tree: Any, machines: Sequence[str], apps: Mapping[str, Any]
    ) -> BundleApplication:
        about = f'application "{name}"'
        self._try(lambda: check_application_name(name))
        if not isinstance(tree, Mapping):
            self.problems.append(f"{about} is no mapping")
            return BundleApplication(name=name, charm="")
        self._unknown(about, tree, _OF_APPLICATIONS)
        self._not_here(about, tree)
        units = self._units(name, tree)
        constraints = self._constraints(about, tree.get("constraints"))
        return BundleApplication(
            name=name,
            charm=self._charm(about, tree),
            units=units,
            placements=self._placements(name, tree, units, machines, apps),
            exposed=self._exposed(about, tree),
            options=dict(self._mapping("options", tree, about)),
            constraints=constraints,
            storage=self._texts("storage", tree, about),
            resources=self._resources(about, tree),
            bindings=self._texts("bindings", tree, about),
            trust=self._flag("trust", tree, about),
        )

    def _not_here(self, about: str, tree: Mapping[str, Any]) -> None:
        if tree.get("devices"):
            self.problems.append(f"{about} has devices, and there are none to choose here")
        if tree.get("offers"):
            self.problems.append(f"{about} has offers, and applications of different models cannot be related")
        if tree.get("placement"):
            self.problems.append(f"{about} has placement, which is for kubernetes; write to: for machines")
        if tree.get("annotations"):
            self.remarks.append(f"annotations of {about} are not kept")
        if tree.get("revision") is not None and not tree.get("channel"):
            self.problems.append(
                f"{about} with a revision requires a channel for future upgrades, please use channel"
            )
        for key in ("channel", "revision"):
            if tree.get(key) is not None:
                self.remarks.append(f"{key} of {about} has no meaning for a local charm")

    def _charm(self, about: str, tree: Mapping[str, Any]) -> str:
        charm = tree.get("charm")
        if not isinstance(charm, str) or not charm:
            self.problems.append(f"{about} has no charm; give its path, like ./pear.charm")
            return ""
        if charm.startswith(("/", ".", LOCAL)):
            return charm
        self.problems.append(
            f'charm "{charm}" of {about} is from a store, and there is none here; give a path, like ./{charm}'
        )
        return ""

    def _units(self, name: str, tree: Mapping[str, Any]) -> int:
        about = f'application "{name}"'
        if tree.get("scale") is not None and tree.get("num_units") is not None:
            self.problems.append(f"cannot specify both scale and num_units for {about}")
        key = "scale" if tree.get("num_units") is None else "num_units"
        units = tree.get(key) or 0
        if not isinstance(units, int) or isinstance(units, bool):
            self.problems.append(f'{key} of {about} is "{units}"; it must be a whole number')
            return 0
        if units < 0:
            self.problems.append(f"negative number of units specified on {about}")
        return max(0, units)

    def _constraints(self, about: str, given: Any) -> dict[str, str]:
        if not given:
            return {}
        if not isinstance(given, str) or any("=" not in word for word in given.split()):
            self.problems.append(f'constraints of {about} are "{given}"; write them like "mem=2G cores=2"')
            return {}
        found = dict(word.split("=", 1) for word in given.split())
        self._try(lambda: constraint_values(found), about)
        return found

    def _placements(
        self, name: str, tree: Mapping[str, Any], units: int, machines: Sequence[str], apps: Mapping[str, Any]
    ) -> tuple[Placement, ...]:
        to = tree.get("to")
        words = to if isinstance(to, list) else [] if to is None else [to]
        if len(words) > units:
            self.problems.append(f'too many units specified in unit placement for application "{name}"')
            words = words[:units]
        found = [self._placement(name, str(word), machines, apps) for word in words]
        last = found[-1] if found else Placement()
        return (*found, *([last] * (units - len(found))))

    def _placement(self, name: str, word: str, machines: Sequence[str], apps: Mapping[str, Any]) -> Placement:
        match = _PLACEMENT.fullmatch(word)
        if match is None:
            self.problems.append(f'placement "{word}" of application "{name}" is not valid; write 0, APP or APP/0')
            return Placement()
        if match["container"]:
            self.problems.append(
                f'placement "{word}" of application "{name}" is in a container, and there are none here; '
                f"write {word.partition(':')[2]}"
            )
            return Placement()
        where, number = match["where"], match["number"]
        if number is None and where == ANYWHERE:
            return Placement()
        if number is None and where.isdigit():
            if where not in machines:
                self.problems.append(f'placement "{word}" refers to a machine not defined in this bundle')
            return Placement(machine=where)
        if where not in apps:
            self.problems.append(f'placement "{word}" refers to an application not defined in this bundle')
        elif number is not None and int(number) >= self._count(apps[where]):
            self.problems.append(f'placement "{word}" refers to a unit not defined in this bundle')
        return Placement(app=where, number=int(number) if number is not None else None)

    @staticmethod
    def _count(tree: Any) -> int:
        found = (tree.get("num_units") or tree.get("scale") or 0) if isinstance(tree, Mapping) else 0
        return found if isinstance(found, int) else 0

    def _exposed(self, about: str, tree: Mapping[str, Any]) -> dict[str, Exposure]:
        found = {"": Exposure()} if self._flag("expose", tree, about) else {}
        endpoints = self._mapping("exposed-endpoints", tree, about)
        if endpoints:
            found = {}
        for endpoint, each in endpoints.items():
            sources = each if isinstance(each, Mapping) else {}
            cidrs, spaces = (sources.get(f"expose-to-{kind}") or [] for kind in ("cidrs", "spaces"))
            if (
                isinstance(cidrs, str)
                or isinstance(spaces, str)
                or (each is not None and not sources and each != {})
            ):
                self.problems.append(
                    f'exposed endpoint "{endpoint}" of {about} must have lists: expose-to-cidrs, expose-to-spaces'
                )
                continue
            found[str(endpoint)] = Exposure(tuple(map(str, cidrs)), tuple(map(str, spaces)))
        return found

    def _resources(self, about: str, tree: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for name, value in self._mapping("resources", tree, about).items():
            if isinstance(value, str):
                found[str(name)] = value
            else:
                self.problems.append(
                    f'resource "{name}" of {about} is "{value}", a revision in a store, and there is none here; '
                    "give a path"
                )
        return found

    def _in_order(self, apps: Mapping[str, BundleApplication]) -> list[str]:
        """Return the names of *apps* so that each comes after those beside whose units it has its own."""
        order: list[str] = []
        left = dict.fromkeys(apps)
        while left:
            beside = {name: {each.app for each in apps[name].placements if each.app in left} for name in left}
            free = [name for name in left if not beside[name]]
            if not free:
                self.problems.append(f"placements refer to each other: {', '.join(left)}")
                return []
            order += free
            left = dict.fromkeys(name for name in left if name not in free)
        return order

    # --- relations ---------------------------------------------------------------------------------------

    def _relations(self, apps: Mapping[str, Any]) -> tuple[tuple[EndpointName, EndpointName], ...]:
        found: list[tuple[EndpointName, EndpointName]] = []
        given = self._tree.get("relations") or []
        if not isinstance(given, list):
            self.problems.append("relations must be a list, each like [pear:db, plum:db]")
            return ()
        for ends in given:
            for pair in self._pairs(ends):
                relation = self._relation(pair, apps)
                if relation is None:
                    continue
                if any(set(relation) == set(other) for other in found):
                    self.problems.append(f"relation {_shown(pair)} is defined more than once")
                found.append(relation)
        return tuple(found)

    def _pairs(self, ends: Any) -> list[tuple[str, str]]:
        """Return the relations that one entry stands for: a pair, or one end with several."""
        if not isinstance(ends, list):
            self.problems.append(f'relation "{ends}" must be a list of two endpoints')
            return []
        if len(ends) != 2:
            self.problems.append(f"relation {_shown(ends)} has {len(ends)} endpoint(s), not 2")
            return []
        left, right = (each if isinstance(each, list) else [each] for each in ends)
        return [(str(one), str(other)) for one in left for other in right]

    def _relation(
        self, pair: tuple[str, str], apps: Mapping[str, Any]
    ) -> tuple[EndpointName, EndpointName] | None:
        before = len(self.problems)
        parsed = [self._try(lambda text=text: EndpointName.parse(text)) for text in pair]
        if len(self.problems) > before:
            return None
        one, other = parsed
        for end in (one, other):
            if end.app not in apps:
                self.problems.append(
                    f'relation {_shown(pair)} refers to application "{end.app}" not defined in this bundle'
                )
        if one.app == other.app:
            self.problems.append(f"relation {_shown(pair)} relates an application to itself")
        return (one, other) if len(self.problems) == before else None

    # --- values ------------------------------------------------------------------------------------------

    def _unknown(self, about: str, tree: Mapping[str, Any], known: set[str]) -> None:
        self.problems += [f'{about} has "{key}", which no bundle has' for key in tree if str(key) not in known]

    def _mapping(self, key: str, tree: Mapping[str, Any], about: str = "the bundle") -> Mapping[Any, Any]:
        found = tree.get(key)
        if found is None or isinstance(found, Mapping):
            return found or {}
        self.problems.append(f"{key} of {about} must be a mapping")
        return {}

    def _texts(self, key: str, tree: Mapping[str, Any], about: str) -> dict[str, str]:
        return {str(name): str(value) for name, value in self._mapping(key, tree, about).items()}

    def _flag(self, key: str, tree: Mapping[str, Any], about: str) -> bool:
        found = tree.get(key) or False
        if not isinstance(found, bool):
            self.problems.append(f'{key} of {about} is "{found}"; it must be true or false')
        return found is True

    def _try(self, parse: Callable[[], Any], about: str = "") -> Any:
        try:
            return parse()
        except Refused as problem:
            text = f"{problem.what}: {problem.why}" if problem.why else problem.what
            self.problems.append(f"{about}: {text}" if about else text)
        return None


def _shown(ends: Sequence[Any]) -> str:
    return "[" + " ".join(f'"{end}"' for end in ends) + "]"
