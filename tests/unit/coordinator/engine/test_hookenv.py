"""The environment of a hook: exactly these variables, whatever the worker's own are."""

from __future__ import annotations

import pytest
from build import relation_hook, unit, world

from coordinator import ANNOUNCED_VERSION
from coordinator.domain.unit import Unit
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.hookenv import hook_environment

BASE = {
    "APT_LISTCHANGES_FRONTEND": "none",
    "CHARM_DIR": "/agents/unit-web-0/charm",
    "CLOUD_API_VERSION": "",
    "COORDINATOR_STATE": "commit",
    "DEBIAN_FRONTEND": "noninteractive",
    "JUJU_AGENT_SOCKET_ADDRESS": "/run/tools.socket",
    "JUJU_AGENT_SOCKET_NETWORK": "unix",
    "JUJU_API_ADDRESSES": "10.9.9.1:17070 10.9.9.2:17070",
    "JUJU_AVAILABILITY_ZONE": "",
    "JUJU_CHARM_DIR": "/agents/unit-web-0/charm",
    "JUJU_CHARM_FTP_PROXY": "",
    "JUJU_CHARM_HTTPS_PROXY": "",
    "JUJU_CHARM_HTTP_PROXY": "",
    "JUJU_CHARM_NO_PROXY": "127.0.0.1,localhost,::1",
    "JUJU_CONTEXT_ID": "web/0-x",
    "JUJU_HOOK_NAME": "",
    "JUJU_MACHINE_ID": "0",
    "JUJU_MODEL_NAME": "demo",
    "JUJU_MODEL_UUID": "0b5e0c1e-0000-4000-8000-000000000001",
    "JUJU_PRINCIPAL_UNIT": "",
    "JUJU_SLA": "unsupported",
    "JUJU_UNIT_NAME": "web/0",
    "JUJU_VERSION": ANNOUNCED_VERSION,
    "LANG": "C.UTF-8",
    "PATH": "/tools:/usr/bin:/bin",
    "TERM": "tmux-256color",
}


def environment(hook: Hook | None, seen=None, **worker: str) -> dict[str, str]:
    return hook_environment(
        seen or world(),
        hook,
        charm_dir="/agents/unit-web-0/charm",
        tools_dir="/tools",
        agent_path="/usr/bin:/bin",
        socket="/run/tools.socket",
        context_id="web/0-x",
        api_addresses=("10.9.9.1:17070", "10.9.9.2:17070"),
        worker_env=worker,
    )


@pytest.mark.parametrize(
    ("hook", "more"),
    [
        pytest.param(None, {}, id="outside of any hook"),
        pytest.param(
            Hook(kind=HookKind.INSTALL),
            {"JUJU_HOOK_NAME": "install", "JUJU_DISPATCH_PATH": "hooks/install"},
            id="install",
        ),
        pytest.param(
            relation_hook(HookKind.RELATION_JOINED, "db/0"),
            {
                "JUJU_HOOK_NAME": "db-relation-joined",
                "JUJU_DISPATCH_PATH": "hooks/db-relation-joined",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "db",
                "JUJU_REMOTE_UNIT": "db/0",
            },
            id="joined",
        ),
        pytest.param(
            relation_hook(HookKind.RELATION_CHANGED),
            {
                "JUJU_HOOK_NAME": "db-relation-changed",
                "JUJU_DISPATCH_PATH": "hooks/db-relation-changed",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "db",
                "JUJU_REMOTE_UNIT": "",
            },
            id="changed of an application",
        ),
        pytest.param(
            relation_hook(HookKind.RELATION_DEPARTED, "db/0", departing=unit("web/0")),
            {
                "JUJU_HOOK_NAME": "db-relation-departed",
                "JUJU_DISPATCH_PATH": "hooks/db-relation-departed",
                "JUJU_RELATION": "db",
                "JUJU_RELATION_ID": "db:7",
                "JUJU_REMOTE_APP": "db",
                "JUJU_REMOTE_UNIT": "db/0",
                "JUJU_DEPARTING_UNIT": "web/0",
            },
            id="departed",
        ),
    ],
)
def test_a_hook_gets_exactly(hook, more):
    assert environment(hook, HOME="/root", PYTHONPATH="/x", JUJU_DEBUG="1") == {**BASE, **more}


def test_proxies_are_told_in_both_spellings():
    settings = {"http-proxy": "http://p:1", "juju-https-proxy": "http://p:2"}
    found = environment(None, world(settings=settings))
    more = {"http_proxy": "http://p:1", "HTTP_PROXY": "http://p:1", "JUJU_CHARM_HTTPS_PROXY": "http://p:2"}
    assert found == {**BASE, **more}


def test_a_subordinate_hears_of_its_principal():
    entity = Unit(name=unit("web/0"), created="", principal=unit("app/3"))
    assert environment(None, world(entity=entity))["JUJU_PRINCIPAL_UNIT"] == "app/3"


def test_a_kubernetes_cluster_is_handed_on():
    found = environment(None, KUBERNETES_SERVICE_HOST="10.1.0.1", KUBERNETES_OTHER="x")
    assert found == {**BASE, "KUBERNETES_SERVICE_HOST": "10.1.0.1"}
