"""`coordinator worker`: let this host run units, as a machine or as the next unit of an application."""

from __future__ import annotations

from typing import Any

import click


@click.command()
@click.option("--etcd", help="Endpoints of etcd, HOST:PORT, separated by commas.")
@click.option("--data-dir", help="Directory with this machine's identity, charms, units and logs.")
@click.option("--address", help="Address of this host that other units reach it at.")
@click.option("--tags", metavar="TAG,...", help="What sets this host apart, for `--constraints tags=TAG`.")
@click.option("--worker-listen", metavar="HOST:PORT", help="Where logs, metrics and health are served.")
@click.option("--session-ttl", "session_ttl_s", type=int, metavar="SECONDS", help="How long silence is tolerated.")
@click.option("--unit", "app", metavar="APP", help="Register as the next unit of this application.")
@click.option("-m", "--model", default="default", show_default=True, help="The model of --unit.")
@click.option("--verbose", is_flag=True, help="Log more.")
def command(app: str | None, model: str, verbose: bool, **given: Any) -> None:
    """Let this host run units.

    Without --unit, units are placed here as they come.  With it, this host becomes the next unit of APP and
    runs nothing else: one container, one unit.  The same data directory comes back as the same machine.
    Every option can be given as an environment variable too; see the README.
    """
    import signal

    from coordinator import log
    from coordinator.domain.names import check_application_name, check_model_name
    from coordinator.settings import WorkerSettings, from_environment
    from coordinator.worker.main import WorkerProcess

    log.setup(verbose=verbose)
    dedicated = f"{check_model_name(model)}/{check_application_name(app)}" if app else None
    process = WorkerProcess(from_environment(WorkerSettings, **given), dedicated=dedicated)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    process.run()
