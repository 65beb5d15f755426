"""resource-get: where the unit finds a file that people handed in.

The answer is the path; before the charm gets it, the worker sees to it that the file is there (Reply.resource).
"""

from __future__ import annotations

from coordinator.domain.resource import filename_of
from coordinator.engine.tools._flags import Args, Command, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.errors import BadRequest, Refused


def _resource_get(context: HookContext, args: Args) -> Reply:
    name = args.word(0)
    if not name:
        raise BadRequest("missing required resource name")
    meta, app = context.world.charm, context.world.unit.app
    if name not in meta.resources:
        raise Refused("could not download resource", why=f'charm "{meta.name}" declares no resource "{name}"')
    resource = context.world.resources.get(name)
    if resource is None:
        raise Refused(
            "could not download resource",
            why=f'no file was given for resource "{name}"',
            fix=f"coordinator attach-resource {app} {name}=FILE",
        )
    return Reply(resource=(name, filename_of(meta, name), resource.sha256))


COMMANDS = (
    Command(
        name="resource-get",
        summary="Print the path of a resource.",
        run=_resource_get,
        words="NAME",
        words_max=1,
    ),
)
