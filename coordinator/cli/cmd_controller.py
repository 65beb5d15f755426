"""`coordinator controller`: serve the API, and reconcile while leading."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--etcd", help="Endpoints of etcd, HOST:PORT, separated by commas.")
@click.option("--listen", metavar="HOST:PORT", help="Where the API listens.")
@click.option("--name", "controller_name", help="What this cluster is called in `status`.")
@click.option("--admin-token-file", help="File with the token of the user admin; made when it is missing.")
@click.option("--tls-cert", help="Certificate of the API.")
@click.option("--tls-key", help="Key of that certificate.")
@click.option("--verbose", is_flag=True, help="Log more.")
def command(verbose: bool, **given: Any) -> None:
    """Serve the API, and reconcile while leading.

    Any number of controllers serve one cluster; one of them leads.  Every option can be given as an environment
    variable too; see the README.
    """
    import signal

    from coordinator import log
    from coordinator.controller.main import ControllerProcess
    from coordinator.settings import ControllerSettings, from_environment

    log.setup(verbose=verbose)
    process = ControllerProcess(from_environment(ControllerSettings, **given))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()
