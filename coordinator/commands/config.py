"""Set and reset options of an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.commands.application import alive_application, charm_of
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.config import find_option, parse_options, parse_trust
from coordinator.domain.refs import Ref
from coordinator.domain.view import View
from coordinator.errors import BadRequest


def set_config(
    view: View, model: str, app: str, changes: Mapping[str, Any], reset: Sequence[str] = ()
) -> Change | None:
    """Return the change, or None when every value is what it was: then no hook runs.

    `trust` is an option of every application, told apart from those of its charm.
    """
    application = alive_application(view, model, app)
    both = sorted(set(changes) & set(reset))
    if both:
        raise BadRequest(f'cannot set and reset key "{both[0]}" simultaneously')
    meta = charm_of(view, application).meta
    wanted = dict(changes)
    trust = application.trust
    if "trust" in wanted:
        trust = parse_trust(wanted.pop("trust"))
    elif "trust" in reset:
        trust = False
    values = parse_options(meta, wanted)
    gone = {find_option(meta, name).name for name in reset if name != "trust"}
    before = view.find(refs.config(model, app)) or {}
    after = {name: value for name, value in before.items() if name not in gone} | values
    puts: dict[Ref, Any] = {}
    if after != before:
        puts[refs.config(model, app)] = after
    if trust != application.trust:
        puts[refs.application(model, app)] = replace(application, trust=trust)
    if not puts:
        return None
    words = [f"{name}={_shown(meta.find_option(name), value)}" for name, value in changes.items()]
    words += [f"--reset {name}" for name in reset]
    return Change(did=" ".join(["config", app, *words]), puts=puts)


WORD_CHARACTERS_MAX = 40  # of one value in the journal


def _shown(option: Any, value: Any) -> str:
    if option is not None and option.type == "secret":
        return "***"
    text = str(value).replace("\n", " ")
    return text if len(text) <= WORD_CHARACTERS_MAX else text[: WORD_CHARACTERS_MAX - 1] + "…"
