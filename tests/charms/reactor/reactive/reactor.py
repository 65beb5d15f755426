"""The handlers: called as long as their flags say so, and once per hook at most."""

from charmhelpers.core import hookenv
from charms.reactive import endpoint_from_flag, hook, set_flag, when, when_not


@when_not("reactor.installed")
def install():
    hookenv.application_version_set("1.5.3")
    hookenv.open_port(hookenv.config("port"))
    hookenv.open_ports(hookenv.config("port") + 1, hookenv.config("port") + 4, "UDP")
    hookenv.status_set("waiting", "for words")
    set_flag("reactor.installed")


@hook("leader-elected")
def elected():
    hookenv.leader_set({"leads": hookenv.local_unit(), "gone": "soon"})
    hookenv.leader_set(gone=None)
    hookenv.status_set("active", "of the application", application=True)


@when("give.ready")
def say():
    endpoint_from_flag("give.ready").say(hookenv.config("words"))


@when("take.heard")
def heard():
    hookenv.status_set("active", ", ".join(endpoint_from_flag("take.heard").heard))


@hook("take-relation-changed")
def changed(endpoint):
    hookenv.log(f"{hookenv.remote_unit()} in {hookenv.relation_id()}", hookenv.INFO)
    hookenv.relation_set(hookenv.relation_id(), {"seen": hookenv.relation_get("words"), "gone": None})
