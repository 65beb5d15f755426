"""Compare an installed package with a recorded public API.

Run this in an environment where the package under test can be imported:

    python api_diff.py [--spec PATH] [--module PREFIX] [--json] [--all]

The recorded API is the JSON file beside this one.  For each public name in that file this script looks at
the real object and reports what is missing or different.  One "name" is one thing a user can write down: a
module level name, a constructor, a method, a property, an attribute, an enum member, a dataclass field or a
key of a typed dictionary.

What counts as different: a missing name, another kind of object, a missing public base
class, a parameter that is missing or has another place, kind or default, another value
of a constant or enum member.  What does not: additional names, bases and enum members,
additional optional parameters, and annotations.  A plain attribute may stand in for a
property and the other way round.

With ``--module`` only that module and those below it are compared.  With ``--all`` the
constructors that only the framework calls are compared as well, and the names that a
module merely imports from another one.

The exit status is 0 when every name matches, 1 when at least one does not.

Only the standard library is used, and nothing of the package under test is called
except to list the events of a small sample charm.
"""

from __future__ import annotations

import abc
import argparse
import ast
import dataclasses
import enum
import functools
import importlib
import inspect
import json
import math
import re
import sys
import textwrap
import types
import typing
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
"""One recorded thing, as it is in the JSON file."""

DEFAULT_SPEC = Path(__file__).with_name("ops_api.json")
CHARM_EVENTS = "ops.charm (events of a charm)"
FACTORY = "<factory>"
MISSING: Any = object()
DECLARED: Any = object()
"""Stands for an attribute that exists on instances only."""


# --- Looking at Python objects ---------------------------------------------------


def load(name: str) -> Any:
    """Import the module ``name``; a module may also be an attribute of its parent."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        parent, _, attribute = name.rpartition(".")
        if not parent:
            raise
        value = getattr(load(parent), attribute, None)
        if value is None:
            raise
        return value


def kind_of(value: Any) -> str:
    """Say what sort of thing a module level name is bound to."""
    if isinstance(value, types.ModuleType):
        return "module"
    if is_type_alias(value):
        return "alias"
    if isinstance(value, type):
        return kind_of_class(value)
    return "function" if callable(value) else "constant"


def kind_of_class(cls: type) -> str:
    """Say what sort of class this is."""
    if issubclass(cls, BaseException):
        return "exception"
    if issubclass(cls, enum.Enum):
        return "enum"
    if typing.is_typeddict(cls):
        return "typeddict"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    return "class"


def is_type_alias(value: Any) -> bool:
    """Say whether this is a typing construct such as ``Literal['a']`` or a TypeVar."""
    return typing.get_origin(value) is not None or isinstance(value, typing.TypeVar)


def literal_values(alias: Any) -> set[Any]:
    """Return the values of a Literal, or of a union of Literals; else nothing."""
    if typing.get_origin(alias) is typing.Literal:
        return set(typing.get_args(alias))
    found: set[Any] = set()
    for argument in typing.get_args(alias):
        found |= literal_values(argument)
    return found


def default_text(value: Any) -> str:
    """Write a default value as text that is the same in each run."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def annotation_text(value: Any) -> str:
    """Write an annotation as text."""
    if isinstance(value, typing.ForwardRef):
        return value.__forward_arg__
    return value if isinstance(value, str) else inspect.formatannotation(value)


def parameters_of(function: Any, *, bound: bool = False) -> list[Entry]:
    """Describe the parameters of a callable; ``bound`` drops the first one."""
    parameters = list(inspect.signature(function).parameters.values())
    described: list[Entry] = []
    for parameter in parameters[1:] if bound else parameters:
        entry: Entry = {"name": parameter.name, "kind": parameter.kind.name.lower()}
        if parameter.default is not inspect.Parameter.empty:
            entry["default"] = default_text(parameter.default)
        if parameter.annotation is not inspect.Parameter.empty:
            entry["annotation"] = annotation_text(parameter.annotation)
        described.append(entry)
    return described


def constructor_of(cls: type) -> list[Entry] | None:
    """Describe the constructor's parameters, or return None if none is written in Python."""
    for name in ("__init__", "__new__"):
        function = inspect.getattr_static(cls, name, None)
        if isinstance(function, staticmethod):
            function = function.__func__
        if isinstance(function, types.FunctionType) and function.__module__ != "typing":
            return parameters_of(function, bound=True)
    return None


def ancestor_names(cls: type) -> set[str]:
    """Name the public ancestors of a class."""
    generic = bool(getattr(cls, "__parameters__", ()))
    return {
        ancestor.__name__
        for ancestor in cls.__mro__[1:]
        if ancestor not in (object, abc.ABC)
        and not ancestor.__name__.startswith("_")
        and (generic or ancestor is not typing.Generic)
    }


def annotations_of(cls: type) -> dict[str, Any]:
    """Return the annotations in the body of a class, if they can be read."""
    try:
        return inspect.get_annotations(cls)
    except Exception:  # Evaluating an annotation can raise anything.
        return {}


def self_assignments(function: Any) -> set[str]:
    """Find the attributes that a method sets with ``self.name = ...``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


@functools.cache
def declared_attributes(cls: type) -> frozenset[str]:
    """Find the instance attributes of a class: annotated, in slots, or set in a method."""
    names: set[str] = set()
    for owner in cls.__mro__:
        if owner.__module__ == "builtins":
            continue
        names |= set(annotations_of(owner))
        slots = owner.__dict__.get("__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
        for value in owner.__dict__.values():
            if isinstance(value, types.FunctionType):
                names |= self_assignments(value)
    return frozenset(names)


def find_member(cls: type, name: str) -> Any:
    """Return the class attribute ``name`` unbound, DECLARED, or MISSING."""
    value = inspect.getattr_static(cls, name, MISSING)
    if value is MISSING and name in declared_attributes(cls):
        return DECLARED
    return value


def binding_of(value: Any) -> str | None:
    """Say how a class attribute is called: 'instance', 'class', 'static', or None."""
    if isinstance(value, staticmethod):
        return "static"
    if isinstance(value, classmethod):
        return "class"
    if isinstance(value, types.FunctionType):
        return "instance"
    return None


def method_parameters(value: Any) -> list[Entry]:
    """Describe the parameters of an unbound method as its caller sees them."""
    function = getattr(value, "__func__", value)
    return parameters_of(function, bound=binding_of(value) != "static")


def defines_special_method(cls: type, name: str) -> bool:
    """Say whether a class has a special method of its own, not the one of ``object``."""
    for owner in cls.__mro__:
        if name in owner.__dict__:
            return owner is not object and owner.__dict__[name] is not None
    return False


def charm_events(metadata: Entry, actions: Entry) -> dict[str, str]:
    """Return the events that a charm with this metadata has, with their classes."""
    ops = importlib.import_module("ops")
    storage = importlib.import_module("ops.storage")
    sample = type("SampleCharm", (ops.CharmBase,), {"on": type("SampleEvents", (ops.CharmEvents,), {})()})
    meta = ops.CharmMeta(metadata, actions)
    model = ops.Model(meta, ops.model._ModelBackend("sample/0", "model", "uuid"))
    framework = ops.Framework(storage.SQLiteStorage(":memory:"), ".", meta, model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            events = sample(framework).on.events()
        return {name: event.event_type.__name__ for name, event in events.items()}
    finally:
        framework.close()


# --- Comparing one thing with its record -----------------------------------------
#
# Each of these functions returns what is wrong, as short texts; nothing means "matches".


def compare_parameters(expected: list[Entry], actual: list[Entry]) -> list[str]:
    """Compare two parameter lists; extra optional parameters are fine."""
    problems: list[str] = []
    by_name = {parameter["name"]: parameter for parameter in actual}
    wanted = [parameter for parameter in expected if not is_private_parameter(parameter)]
    for parameter in wanted:
        if parameter["kind"].startswith("var_"):
            if not any(other["kind"] == parameter["kind"] for other in actual):
                problems.append(f"does not take {stars(parameter)}")
        elif parameter["name"] not in by_name:
            problems.append(f"parameter '{parameter['name']}' is missing")
        else:
            problems += compare_parameter(parameter, by_name[parameter["name"]])
    if not problems:
        problems += compare_order(wanted, actual)
        problems += unexpected_parameters(wanted, actual)
    return problems


def is_private_parameter(parameter: Entry) -> bool:
    """Say whether a parameter is not meant for users."""
    private: bool = parameter["name"].startswith("_")
    return private and not parameter["kind"].startswith("var_")


def stars(parameter: Entry) -> str:
    """Write a variadic parameter the way it is written in source."""
    return ("*" if parameter["kind"] == "var_positional" else "**") + str(parameter["name"])


def compare_parameter(expected: Entry, actual: Entry) -> list[str]:
    """Compare the kind and the default of one parameter."""
    name = expected["name"]
    problems: list[str] = []
    if expected["kind"] != actual["kind"]:
        problems.append(f"parameter '{name}' is {actual['kind']}, not {expected['kind']}")
    if "default" in expected and "default" not in actual:
        problems.append(f"parameter '{name}' has no default, expected {expected['default']}")
    elif "default" not in expected and "default" in actual:
        problems.append(f"parameter '{name}' has default {actual['default']}, expected none")
    elif expected.get("default") not in (FACTORY, actual.get("default")):
        problems.append(f"parameter '{name}' has default {actual['default']}, expected {expected['default']}")
    return problems


def positional_names(parameters: list[Entry]) -> list[str]:
    """List the parameters that can be passed by position, in order."""
    return [p["name"] for p in parameters if p["kind"].startswith("positional")]


def compare_order(expected: list[Entry], actual: list[Entry]) -> list[str]:
    """Check that arguments passed by position still reach the same parameters."""
    wanted = positional_names(expected)
    found = positional_names(actual)[: len(wanted)]
    if wanted == found:
        return []
    return [f"positional parameters are ({', '.join(found)}), not ({', '.join(wanted)})"]


def unexpected_parameters(expected: list[Entry], actual: list[Entry]) -> list[str]:
    """Find parameters that callers would have to pass but do not know of."""
    known = {parameter["name"] for parameter in expected}
    return [
        f"parameter '{parameter['name']}' is not expected and has no default"
        for parameter in actual
        if parameter["name"] not in known
        and "default" not in parameter
        and not parameter["kind"].startswith("var_")
    ]


def compare_callable(expected: list[Entry], function: Any) -> list[str]:
    """Compare the recorded parameters with those of a callable."""
    try:
        actual = parameters_of(function)
    except (TypeError, ValueError):
        return ["has no readable signature"]
    return compare_parameters(expected, actual)


def compare_method(entry: Entry, value: Any) -> list[str]:
    """Compare a method: that it is one, how it is bound, and its parameters."""
    binding = binding_of(value)
    if binding is None:
        return ["is not a method"]
    if (binding == "instance") != (entry["binding"] == "instance"):
        return [f"binding is '{binding}', expected '{entry['binding']}'"]
    try:
        actual = method_parameters(value)
    except (TypeError, ValueError):
        return ["has no readable signature"]
    return compare_parameters(entry["parameters"], actual)


def compare_property(entry: Entry, value: Any) -> list[str]:
    """Compare a property; a plain attribute may stand in for one."""
    if binding_of(value) is not None:
        return ["is a method, not a property"]
    if entry["settable"] and isinstance(value, property) and value.fset is None:
        return ["cannot be set"]
    return []


def compare_attribute(entry: Entry, value: Any) -> list[str]:
    """Compare an attribute; a property may stand in for one."""
    if binding_of(value) is not None:
        return ["is a method, not an attribute"]
    if value is DECLARED or isinstance(value, property):
        return []
    if "type" in entry and type(value).__name__ != entry["type"]:
        return [f"is of type {type(value).__name__}, not {entry['type']}"]
    if "value" in entry and default_text(value) != entry["value"]:
        return [f"is {default_text(value)}, not {entry['value']}"]
    return []


def compare_event(entry: Entry, value: Any) -> list[str]:
    """Compare an event source: it has to carry the same event class."""
    event_type = getattr(value, "event_type", None)
    if event_type is None:
        return ["is not an event"]
    if event_type.__name__ != entry["event_type"]:
        return [f"carries {event_type.__name__}, not {entry['event_type']}"]
    return []


COMPARE_MEMBER = {
    "method": compare_method,
    "property": compare_property,
    "attribute": compare_attribute,
    "event": compare_event,
}


def compare_member(cls: type, name: str, entry: Entry) -> list[str]:
    """Compare one member of a class with its record."""
    if entry["kind"] == "special":
        return [] if defines_special_method(cls, name) else ["missing"]
    value = find_member(cls, name)
    if value is MISSING:
        return ["missing"]
    return COMPARE_MEMBER[entry["kind"]](entry, value)


def compare_kind(entry: Entry, value: Any) -> list[str]:
    """Check that a module level name is bound to the right sort of thing."""
    expected = entry["kind"]
    if expected == "alias" or (entry.get("optional") and value is None):
        return []
    actual = kind_of(value)
    accepted = {expected, "dataclass"} if expected == "class" else {expected}
    return [] if actual in accepted else [f"is of kind {actual}, not {expected}"]


def compare_bases(entry: Entry, cls: type) -> list[str]:
    """Check the public base classes; more bases are fine."""
    missing = [base for base in entry.get("bases", ()) if base not in ancestor_names(cls)]
    return [f"does not derive from {base}" for base in missing]


def compare_value(entry: Entry, value: Any) -> list[str]:
    """Compare a constant, or the values of a literal type."""
    problems: list[str] = []
    if "literal" in entry and literal_values(value) != set(entry["literal"]):
        problems.append(f"has the values {sorted(map(str, literal_values(value)))}")
    if "value" in entry and default_text(value) != entry["value"]:
        problems.append(f"is {default_text(value)}, not {entry['value']}")
    return problems


def compare_same_object(entry: Entry, value: Any) -> list[str]:
    """Check that a re-exported name is the object it is meant to be."""
    module, _, name = entry["same_as"].rpartition(".")
    try:
        target = getattr(load(module), name)
    except Exception:  # Any failure of the other module's import.
        return [f"cannot be compared with {entry['same_as']}, which is missing"]
    return [] if value is target else [f"is not the same object as {entry['same_as']}"]


def compare_name(entry: Entry, value: Any) -> list[str]:
    """Compare what a module level name itself promises, without its members."""
    if "same_as" in entry:
        return compare_same_object(entry, value)
    problems: list[str] = []
    if isinstance(value, type):
        problems += compare_bases(entry, value)
        if entry.get("frozen") and not is_frozen(value):
            problems.append("is not a frozen dataclass")
    elif "parameters" in entry:
        problems += compare_callable(entry["parameters"], value)
    return problems + compare_value(entry, value)


def is_frozen(cls: type) -> bool:
    """Say whether a class is a frozen dataclass."""
    return bool(getattr(getattr(cls, "__dataclass_params__", None), "frozen", False))


# --- Walking through the record --------------------------------------------------


@dataclasses.dataclass
class Outcome:
    """What was found for one name: the problems, or none if it matches."""

    name: str
    problems: list[str]
    hides_members: bool = False


@dataclasses.dataclass
class ModuleResult:
    """The outcomes for all names of one module."""

    module: str
    outcomes: list[Outcome] = dataclasses.field(default_factory=list)
    error: str | None = None

    @property
    def expected(self) -> int:
        """How many names there should be."""
        return len(self.outcomes)

    @property
    def matched(self) -> int:
        """How many names are there and match."""
        return sum(not outcome.problems for outcome in self.outcomes)


def names_of(dotted: str, entry: Entry, everything: bool) -> Iterator[str]:
    """List the names that one recorded module level name stands for."""
    yield dotted
    if checks_constructor(entry, everything):
        yield f"{dotted}()"
    for key in entry.get("keys", ()):
        yield f"{dotted}[{key!r}]"
    for section in ("fields", "enum_members", "members", "attributes"):
        for name in entry.get(section, ()):
            yield f"{dotted}.{name}"


def checks_constructor(entry: Entry, everything: bool) -> bool:
    """Say whether the constructor is part of the comparison."""
    if entry.get("constructor") is None:
        return False
    return everything or not entry.get("internal_constructor")


def lost(dotted: str, entry: Entry, problems: list[str], everything: bool) -> Iterator[Outcome]:
    """Report a name with which all names below it are lost."""
    first, *below = names_of(dotted, entry, everything)
    yield Outcome(first, problems, hides_members=True)
    for name in below:
        yield Outcome(name, ["missing"])


def compare_entry(dotted: str, entry: Entry, value: Any, everything: bool) -> Iterator[Outcome]:
    """Compare one module level name and everything below it."""
    wrong_kind = [] if "same_as" in entry else compare_kind(entry, value)
    if wrong_kind:
        yield from lost(dotted, entry, wrong_kind, everything)
        return
    yield Outcome(dotted, compare_name(entry, value))
    if checks_constructor(entry, everything):
        yield Outcome(f"{dotted}()", compare_constructor(entry["constructor"], value))
    for key in entry.get("keys", ()):
        present = key in getattr(value, "__annotations__", {})
        yield Outcome(f"{dotted}[{key!r}]", [] if present else ["missing"])
    for name in entry.get("fields", ()):
        present = name in getattr(value, "__dataclass_fields__", {})
        yield Outcome(f"{dotted}.{name}", [] if present else ["missing dataclass field"])
    for name, expected in entry.get("enum_members", {}).items():
        yield Outcome(f"{dotted}.{name}", compare_enum_member(value, name, expected))
    for name, member in entry.get("members", {}).items():
        yield Outcome(f"{dotted}.{name}", compare_member(value, name, member))
    for name in entry.get("attributes", ()):
        yield Outcome(f"{dotted}.{name}", [] if hasattr(value, name) else ["missing"])


def compare_constructor(expected: list[Entry], cls: type) -> list[str]:
    """Compare the recorded constructor parameters with those of a class."""
    return compare_parameters(expected, constructor_of(cls) or [])


def compare_enum_member(cls: Any, name: str, expected: str) -> list[str]:
    """Compare one enum member and its value."""
    member = getattr(cls, "__members__", {}).get(name)
    if member is None:
        return ["missing enum member"]
    actual = default_text(member.value)
    return [] if actual == expected else [f"has value {actual}, not {expected}"]


def compare_module(name: str, entry: Entry, everything: bool) -> ModuleResult:
    """Compare one module with its record."""
    result = ModuleResult(name)
    recorded = dict(selected_names(entry, everything))
    values: dict[str, Any] = {}
    try:
        module = load(name)
        values = {attribute: getattr(module, attribute, MISSING) for attribute in recorded}
    except Exception as error:  # Whatever the package under test raises.
        result.error = f"cannot be imported: {type(error).__name__}: {error}"
    # All values were read before comparing: that imports other modules, which adds names.
    for attribute, expected in recorded.items():
        dotted = f"{name}.{attribute}"
        value = values.get(attribute, MISSING)
        if value is MISSING:
            result.outcomes += lost(dotted, expected, ["missing"], everything)
        else:
            result.outcomes += compare_entry(dotted, expected, value, everything)
    return result


def selected_names(entry: Entry, everything: bool) -> Iterator[tuple[str, Entry]]:
    """List the recorded names of a module that are part of the comparison."""
    yield from entry["names"].items()
    if everything:
        for name, target in entry.get("also_visible", {}).items():
            yield name, {"kind": "alias", "same_as": target}


def compare_charm_events(entry: Entry) -> ModuleResult:
    """Compare the events that a charm gets from its metadata."""
    result = ModuleResult(CHARM_EVENTS)
    actual: dict[str, str] = {}
    try:
        actual = charm_events(entry["metadata"], entry["actions"])
    except Exception as error:  # Whatever the package under test raises.
        result.error = f"cannot be listed: {type(error).__name__}: {error}"
    for name, event_type in entry["events"].items():
        found = actual.get(name, "missing")
        problems = [] if found == event_type else [f"is {found}, expected {event_type}"]
        result.outcomes.append(Outcome(f"charm.on.{name}", problems))
    return result


def compare_all(spec: Entry, prefix: str, everything: bool) -> list[ModuleResult]:
    """Compare every module whose dotted name starts with ``prefix``."""
    results = [
        compare_module(name, entry, everything)
        for name, entry in spec["modules"].items()
        if is_below(name, prefix)
    ]
    if is_below("ops.charm", prefix) and "charm_events" in spec:
        results.append(compare_charm_events(spec["charm_events"]))
    return results


def is_below(name: str, prefix: str) -> bool:
    """Say whether a dotted name is ``prefix`` or something below it."""
    return not prefix or name == prefix or name.startswith(f"{prefix}.")


# --- Reporting -------------------------------------------------------------------


def summary(matched: int, expected: int) -> str:
    """Write the summary line; it never says 100 % unless everything matches."""
    percent = math.floor(1000 * matched / expected) / 10 if expected else 100
    return f"API: {matched} of {expected} names match ({percent:g} %)"


def problem_lines(result: ModuleResult) -> Iterator[str]:
    """Write the problems of one module; what is below a lost name is left out."""
    if result.error:
        yield f"  {result.module}: {result.error}"
        return
    hidden: tuple[str, ...] = ()
    for outcome in result.outcomes:
        if hidden and outcome.name.startswith(hidden):
            continue
        hidden = tuple(outcome.name + mark for mark in ".([") if outcome.hides_members else ()
        for problem in outcome.problems:
            yield f"  {outcome.name}: {problem}"


def print_text(results: Iterable[ModuleResult]) -> None:
    """Print the report for people."""
    for result in results:
        for line in problem_lines(result):
            print(line)
        print(f"{summary(result.matched, result.expected)} in {result.module}")
    print(summary(*totals(results)))


def totals(results: Iterable[ModuleResult]) -> tuple[int, int]:
    """Add up the matching and the expected names."""
    return sum(r.matched for r in results), sum(r.expected for r in results)


def print_json(results: Iterable[ModuleResult]) -> None:
    """Print the report for programs."""
    matched, expected = totals(results)
    modules = {
        result.module: {
            "matched": result.matched,
            "expected": result.expected,
            "error": result.error,
            "problems": {o.name: o.problems for o in result.outcomes if o.problems},
        }
        for result in results
    }
    print(json.dumps({"matched": matched, "expected": expected, "modules": modules}, indent=2))


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare a package with a recorded public API.")
    parser.add_argument("--spec", type=Path, default=DEFAULT_SPEC, help="the recorded API")
    parser.add_argument("--module", default="", help="compare only this module and those below")
    parser.add_argument("--json", action="store_true", help="print a report for programs")
    parser.add_argument(
        "--all",
        action="store_true",
        help="also compare constructors that only the framework calls, and names that "
        "a module merely imports from another",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Compare, print the report, and return the exit status."""
    options = parse_arguments(arguments)
    spec = json.loads(options.spec.read_text(encoding="utf-8"))
    results = compare_all(spec, options.module, options.all)
    if options.json:
        print_json(results)
    else:
        print_text(results)
    matched, expected = totals(results)
    return 0 if expected and matched == expected else 1


if __name__ == "__main__":
    sys.exit(main())
