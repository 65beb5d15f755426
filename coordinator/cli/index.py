"""The names of all commands, by topic, with their summaries: `--help` imports nothing else."""

from __future__ import annotations

from collections.abc import Mapping

TOPICS: Mapping[str, Mapping[str, str]] = {
    "Start here": {
        "up": "Run the whole system on this machine",
        "login": "Use a controller that runs elsewhere",
        "logout": "Forget a controller and its token",
        "controllers": "List the controllers that you use",
        "show-controller": "Show a controller in detail",
        "whoami": "Show the current controller, model and user",
        "help": "Show help on a command",
        "version": "Show the version",
    },
    "Models": {
        "add-model": "Add a model",
        "destroy-model": "Remove a model with everything in it",
        "models": "List the models of a controller",
        "show-model": "Show a model in detail",
        "model-config": "Show or change the settings of a model",
        "model-constraints": "Show what machines must have for units of a model",
        "set-model-constraints": "Say what machines must have for units of a model",
        "switch": "Choose the current model or controller",
    },
    "Users": {
        "users": "List the users of a controller, or of a model",
        "show-user": "Show a user in detail",
        "add-user": "Let somebody log in",
        "register": "Begin to use a controller, with an invitation",
        "change-user-password": "Get another token, or invite a user again",
        "grant": "Let a user do something",
        "revoke": "Take back what a user may do",
        "disable-user": "Keep a user out",
        "enable-user": "Let a user in again",
        "remove-user": "Remove a user",
    },
    "Applications": {
        "deploy": "Deploy a charm as an application, or a bundle of several",
        "export-bundle": "Write down what is in a model as a bundle",
        "refresh": "Let an application run a new version of its charm",
        "attach-resource": "Hand in a file that a charm declares",
        "resources": "List the resources of an application",
        "config": "Show or change the options of an application",
        "trust": "Grant an application access to credentials, or take it back",
        "constraints": "Show what machines must have for units of an application",
        "set-constraints": "Say what machines must have for units of an application",
        "expose": "Let the world reach the open ports of an application",
        "unexpose": "Undo expose",
        "show-application": "Show applications in detail",
        "remove-application": "Remove applications with their units",
    },
    "Units and relations": {
        "add-unit": "Add units to an application",
        "remove-unit": "Remove units",
        "show-unit": "Show units in detail, with their relation data",
        "resolved": "Run a failed hook again, or let it pass",
        "integrate": "Relate two applications",
        "remove-relation": "End a relation",
    },
    "Actions": {
        "run": "Run an action in units",
        "exec": "Run commands in units",
        "ssh": "Run a command on a machine",
        "scp": "Copy files to or from a machine",
        "actions": "List the actions of an application",
        "show-action": "Show an action and its parameters",
        "operations": "List the operations that were run",
        "show-operation": "Show an operation with its tasks",
        "show-task": "Show a task with its results",
        "cancel-task": "Cancel tasks that wait or run",
    },
    "Secrets": {
        "add-secret": "Keep a secret for applications to read",
        "update-secret": "Change a secret",
        "remove-secret": "Remove a secret, or one revision of it",
        "grant-secret": "Let applications read a secret",
        "revoke-secret": "Take that back",
        "secrets": "List the secrets of a model",
        "show-secret": "Show a secret, and with --reveal its content",
        "reseal-secrets": "Encrypt all secrets with the present key",
    },
    "Storage": {
        "storage": "List the storage of a model",
        "show-storage": "Show storage in detail",
        "add-storage": "Give a unit more storage",
        "attach-storage": "Let a unit have storage that nobody has",
        "detach-storage": "Let units let go of storage, and keep it",
        "remove-storage": "Remove storage, with what is in it",
        "import-filesystem": "Let a directory of a machine be storage",
        "storage-pools": "List where storage can be",
        "create-storage-pool": "Name a place for storage, with attributes",
        "update-storage-pool": "Change the attributes of a storage pool",
        "remove-storage-pool": "Remove a storage pool",
    },
    "Spaces": {
        "spaces": "List the spaces of a model with their subnets",
        "show-space": "Show a space in detail",
        "add-space": "Name some networks of the machines",
        "move-to-space": "Give subnets to a space",
        "rename-space": "Call a space otherwise",
        "remove-space": "Remove a space",
        "reload-spaces": "Taken, unused: machines tell of their networks themselves",
        "subnets": "List the subnets that machines are in",
        "bind": "Bind the endpoints of an application to spaces",
    },
    "Watching": {
        "status": "Show a model: applications, units, machines, relations",
        "show-status-log": "Show what a unit or application was before",
        "debug-log": "Show the log of a model",
        "history": "Show who changed what in a model, and why",
        "wait-for": "Wait until a condition holds",
    },
    "Machines": {
        "machines": "List the machines",
        "show-machine": "Show machines in detail",
        "remove-machine": "Remove machines",
    },
    "Processes": {
        "controller": "Serve the API, and reconcile while leading",
        "worker": "Let this host run units",
    },
}

#: Other names of commands, as people's scripts spell them.
ALIASES: Mapping[str, str] = {
    "list-actions": "actions",
    "list-controllers": "controllers",
    "list-machines": "machines",
    "list-models": "models",
    "list-storage": "storage",
    "list-storage-pools": "storage-pools",
    "list-operations": "operations",
    "list-resources": "resources",
    "list-secrets": "secrets",
    "list-spaces": "spaces",
    "list-subnets": "subnets",
    "list-users": "users",
    "relate": "integrate",
    "resolve": "resolved",
    "unregister": "logout",
}

COMMANDS: Mapping[str, str] = {name: summary for topic in TOPICS.values() for name, summary in topic.items()}


def module_of(name: str) -> str:
    """Return the module that holds the command *name*."""
    return f"coordinator.cli.cmd_{name.replace('-', '_')}"
