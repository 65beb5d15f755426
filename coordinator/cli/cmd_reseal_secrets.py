"""`coordinator reseal-secrets`: encrypt all secrets with the present key, so that an old one can go."""

from __future__ import annotations

import click

from coordinator.cli.target import Target, controller_options


@click.command()
@controller_options
def command(target: Target) -> None:
    """Encrypt all secrets of all models with the present key.

    To change the key: put the new one into COORDINATOR_SECRET_KEY_FILE of every controller and worker behind the
    old one, and start them again; then put it first, and start them again; run this; then the old one can go.
    """
    done = target.client.reseal_secrets()
    click.echo(f"Encrypted {done['revisions']} revisions with key {done['key']}; all are now.")
