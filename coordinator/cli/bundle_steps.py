"""Bring a model in line with a bundle: steps of bundle_plan.py, carried out one after the other.

Role: the contents of charms and resources, the questions to the controller, and what people are told meanwhile.  A
step that fails ends the run; what was done stays, and the next run goes on from there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from coordinator.cli import bundle_plan as steps
from coordinator.cli.client import Tree
from coordinator.cli.pack import read_charm
from coordinator.cli.resources import content_of
from coordinator.cli.target import Target
from coordinator.domain.bundle import LOCAL, Bundle
from coordinator.errors import NotFound, Refused
from coordinator.wire import (
    AddUnits,
    AttachResource,
    Bind,
    Deploy,
    Expose,
    Integrate,
    Refresh,
    SetConfig,
    SetConstraints,
    Trust,
)

PLACED_WITHIN_S = 60.0  # a unit that others shall be beside
LOOK_AGAIN_S = 0.25


@dataclass(frozen=True)
class Contents:
    """What a bundle names: charms by path, resources by application and name; `known`: charms that the model has,
    as it calls them, each with an application that runs it."""

    charms: Mapping[str, bytes]
    resources: Mapping[tuple[str, str], bytes]
    known: Mapping[str, Tree]

    @classmethod
    def of(cls, bundle: Bundle, present: Tree) -> Contents:
        """Read everything before anything is done; *present* is what `GET …/bundle` answers.

        Raises:
            NotFound: there is no charm, or no resource, at a path; or the model has no charm of a name.
        """
        known = {f"{LOCAL}{tree['charm']}-{tree['revision']}": tree for tree in present["applications"].values()}
        charms: dict[str, bytes] = {}
        for app in bundle.applications.values():
            if app.charm.startswith(LOCAL):
                if app.charm not in known:
                    raise NotFound(
                        f'charm "{app.charm}" of application "{app.name}" not found',
                        why="no application of the model runs it",
                        fix="give its path, like ./pear",
                    )
            elif app.charm not in charms:
                missing = f'charm path in application "{app.name}" does not exist:'
                charms[app.charm] = read_charm(app.charm, missing=missing)
        resources = {
            (app.name, name): content_of(name, value)
            for app in bundle.applications.values()
            for name, value in app.resources.items()
        }
        return cls(charms, resources, known)

    def hashes(self) -> steps.Content:
        return steps.Content(
            charms={
                **{path: sha256(data).hexdigest() for path, data in self.charms.items()},
                **{name: tree["sha256"] for name, tree in self.known.items()},
            },
            resources={place: sha256(data).hexdigest() for place, data in self.resources.items()},
        )


def bring_in_line(target: Target, bundle: Bundle, machines: Mapping[str, str], *, dry_run: bool) -> None:
    """Do what *bundle* says and the model is not yet; with *dry_run* only say it."""
    model = target.model
    present = target.client.bundle(model)
    contents = Contents.of(bundle, present)
    for path in contents.charms:
        target.console.info(f'Located local charm at "{path}"')
    plan = steps.plan(bundle, present, contents.hashes(), machines)
    if not plan:
        target.console.info("No changes to apply.")
        return
    _say("Changes to deploy bundle:" if dry_run else "Executing changes:")
    run = _Run(target, model, contents)
    for step in plan:
        _say(f"- {step}")
        if not dry_run:
            try:
                run.do(step)
            except Refused as problem:
                raise Refused(
                    f"cannot deploy bundle: {problem.what}", why=problem.why, fix=problem.fix
                ) from problem
    if not dry_run:
        target.console.info("Deploy of bundle completed.")


class _Run:
    def __init__(self, target: Target, model: str, contents: Contents) -> None:
        self._target, self._client, self._model = target, target.client, model
        self._contents = contents
        self._sent: dict[str, Tree] = dict(contents.known)  # what the controller says of charms

    def do(self, step: steps.Step) -> None:
        """Carry out *step*."""
        client, model = self._client, self._model
        match step:
            case steps.UploadCharm(path):
                self._charm(path)
            case steps.DeployApplication(app):
                self._deploy(app)
            case steps.RefreshApplication(app):
                charm = self._charm(app.charm)["sha256"]
                resources, config = self._resources(app.name, app.resources), dict(app.options)
                request = Refresh(
                    charm=charm,
                    config=config,
                    resources=resources,
                    storage=dict(app.storage),
                    bindings=dict(app.bindings),
                )
                client.refresh(model, app.name, request)
            case steps.AttachResource(app, name):
                [hash_] = self._resources(app, [name]).values()
                client.attach_resource(model, app, name, AttachResource(sha256=hash_))
            case steps.SetOptions(app, options):
                client.set_config(model, app, SetConfig(config=dict(options)))
            case steps.SetConstraints(app, constraints):
                client.set_constraints(model, app, SetConstraints(constraints=dict(constraints)))
            case steps.BindEndpoints(app, bindings):
                client.bind(model, app, Bind(bindings=dict(bindings)))
            case steps.GrantTrust(app):
                client.trust(model, app, Trust(trust=True))
            case steps.Expose(app, endpoint, exposure):
                endpoints = [endpoint] if endpoint else []
                cidrs, spaces = list(exposure.cidrs), list(exposure.spaces)
                client.expose(model, app, Expose(endpoints=endpoints, cidrs=cidrs, spaces=spaces))
            case steps.AddUnit(app, machine, beside):
                to = [self._machine_of(*beside)] if beside else [machine] if machine is not None else []
                client.add_units(model, app, AddUnits(count=1, to=to))
            case steps.Relate(left, right):
                client.integrate(model, Integrate(left=str(left), right=str(right)))

    def _charm(self, path: str) -> Tree:
        if path not in self._sent:
            self._sent[path] = self._client.upload_charm(self._contents.charms[path])
        return self._sent[path]

    def _deploy(self, app: steps.BundleApplication) -> None:
        sent = self._charm(app.charm)
        is_subordinate = sent["subordinate"]
        if is_subordinate and (app.units or app.constraints):
            raise Refused(
                f'application "{app.name}" cannot have num_units, to or constraints',
                why="it is a subordinate: its units are beside those that it is related with",
                fix="take them out of the bundle",
            )
        request = Deploy(
            charm=sent["sha256"],
            name=app.name,
            units=None if is_subordinate else 0,
            config=dict(app.options),
            constraints=dict(app.constraints),
            bindings=dict(app.bindings),
            resources=self._resources(app.name, app.resources),
            trust=app.trust,
            storage=dict(app.storage),
        )
        self._client.deploy(self._model, request)

    def _resources(self, app: str, names: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
        """Send the contents of resources; return their hashes by name."""
        found = {}
        for name in names:
            found[name] = self._client.upload_resource(self._contents.resources[app, name])["sha256"]
            self._target.console.info(f"  added resource {name}")
        return found

    def _machine_of(self, app: str, number: int) -> str:
        """Return the machine of the *number*th unit of *app*, counted from 0, once it has one."""
        deadline_s = time.monotonic() + PLACED_WITHIN_S
        while True:
            units = self._client.bundle(self._model)["applications"].get(app, {"units": {}})["units"]
            if number >= len(units):
                raise NotFound(f'application "{app}" has no unit {number} any more', fix="deploy the bundle again")
            name, machine = list(units.items())[number]
            if machine is not None:
                return machine
            if time.monotonic() > deadline_s:
                raise Refused(
                    f"cannot place a unit beside {name}",
                    why=f"that has no machine after {PLACED_WITHIN_S:.0f} s",
                    fix="`coordinator status` says what it waits for; then deploy the bundle again",
                )
            self._target.console.progress(f"Waiting for a machine for {name}")
            time.sleep(LOOK_AGAIN_S)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
