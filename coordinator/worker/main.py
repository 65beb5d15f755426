"""The worker process: session, mirror, one agent per unit placed here; stops in order.

Role: owns every resource of the worker, and the set of agents.
Not here: what an agent does (agent.py).
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from pathlib import Path

from coordinator.clock import Clock, RealClock
from coordinator.domain.constraints import parse_tags
from coordinator.domain.names import UnitName
from coordinator.domain.network import check_address
from coordinator.domain.refs import Kind, Ref
from coordinator.engine.script import Script
from coordinator.errors import CoordinatorError, Refused
from coordinator.log import get_logger
from coordinator.settings import WorkerSettings, parse_listen
from coordinator.store import keyring
from coordinator.store.archives import Archives
from coordinator.store.connect import connect
from coordinator.store.live import LiveTree
from coordinator.store.port import Store
from coordinator.store.repository import Repository
from coordinator.worker import register
from coordinator.worker.addresses import AddressWatch
from coordinator.worker.agent import Agent
from coordinator.worker.campaign import Campaign
from coordinator.worker.claim import Authority
from coordinator.worker.dispatch import Minder, Runs
from coordinator.worker.firewall import Firewall, firewaller
from coordinator.worker.host import Host, closing_in_order
from coordinator.worker.http import WorkerHttp
from coordinator.worker.logs import Logs
from coordinator.worker.machine_tasks import OF_MACHINE_TASKS, MachineTasks
from coordinator.worker.metrics import Metrics
from coordinator.worker.observe import concerned
from coordinator.worker.script import Said, run_script
from coordinator.worker.storage import StorageKeeper
from coordinator.worker.storage_tender import StorageTender
from coordinator.worker.toolfiles import NATIVE, announce_version, install_scripts, install_tools
from coordinator.worker.toolserver import ToolServer
from coordinator.worker.warm import WarmParents

RETRY_FIRST_S, RETRY_MAX_S = 0.2, 5.0

log = get_logger()


class WorkerProcess:
    """One worker.  `run` returns after `stop`, with everything closed."""

    def __init__(
        self, settings: WorkerSettings, *, dedicated: str | None = None, clock: Clock | None = None
    ) -> None:
        self._settings, self._dedicated = settings, dedicated
        self._clock = clock or RealClock()
        self._stopping = threading.Event()
        self._news = threading.Event()  # units, machine or session may have changed
        self._new_addresses = threading.Event()
        self._lock = threading.Lock()
        self._campaign = Campaign(self._all_agents)
        self._machine_tasks = MachineTasks()
        self._agents: dict[tuple[str, UnitName], Agent] = {}
        self._secret = secrets.token_urlsafe(24)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()
        self._news.set()

    def run(self) -> None:
        """Serve the machine until `stop`.

        Raises:
            Refused: the data directory belongs to another worker, or the machine was removed, before or meanwhile.
            Unavailable: etcd does not answer at the start; later it is waited for.
        """
        settings = self._settings
        directory = register.DataDirectory(Path(settings.data_dir).absolute())
        with closing_in_order(directory.close):
            store = connect(settings)
            with closing_in_order(store.close):
                repository = Repository(store, self._clock, keyring.load(settings))
                machine = self._register(repository, directory)
                self._serve(machine, directory, store, repository)

    def _register(self, repository: Repository, directory: register.DataDirectory) -> str:
        """Bring the machine's entity up to date, and return its id."""
        return register.register(
            repository,
            directory,
            self._clock,
            address=check_address(self._settings.address),
            dedicated=self._dedicated,
            tags=parse_tags(self._settings.tags),
        )

    def _addresses_moved(self) -> None:
        self._new_addresses.set()
        self._news.set()

    def _serve(
        self, machine: str, directory: register.DataDirectory, store: Store, repository: Repository
    ) -> None:
        settings, data_dir = self._settings, directory.path
        minder = Minder(hold=directory.fileno())
        live = LiveTree(store, lambda moved: self._moved(live, moved, firewall, tender))
        storage = StorageKeeper(data_dir)
        tender = StorageTender(live, repository, machine, storage)
        firewall = Firewall(live, machine, firewaller(settings.firewall, data_dir))
        authority = Authority(store, minder, ttl_s=settings.session_ttl_s, on_change=self._wake_all)
        logs = Logs(data_dir / "logs", self._clock)
        http = WorkerHttp(settings.worker_listen, self._secret)
        tools = ToolServer()
        runs, warm = Runs(), WarmParents(data_dir / "warm", minder)
        addresses = AddressWatch(self._addresses_moved)
        closers = (
            self._machine_tasks.close, lambda: self._stop_agents(runs), self._campaign.close, runs.kill,
            addresses.close, firewall.close, tender.close, http.close, authority.end, live.close, tools.close,
            warm.close, logs.close, minder.close,
        )  # fmt: skip
        with closing_in_order(*closers):
            client = install_tools(data_dir / "tools", sys.executable)
            install_scripts(data_dir / "tools", sys.executable, tools.address)
            if client != NATIVE:
                log.info("worker.slow_commands", why=client, fix="install a C compiler and start again")
            if settings.announce_version and (why := announce_version()):
                log.debug("worker.version_not_announced", why=why)
            host = Host(
                machine=machine,
                data_dir=data_dir,
                tools_dir=data_dir / "tools",
                agent_path=os.environ.get("PATH", os.defpath),
                clock=self._clock,
                repository=repository,
                live=live,
                authority=authority,
                archives=Archives(store, repository, blobs=settings.blobs),
                minder=minder,
                runs=runs,
                tools=tools,
                warm=warm,
                logs=logs,
                metrics=Metrics(),
                storage=storage,
                units=self._units,
                boot=register.present_boot(),
                reboot_command=settings.reboot_command,
            )
            tools.run_script = lambda argv, model: run_script(host, self._run_in, argv, model)
            live.start()
            firewall.start()
            self._campaign.start()
            tender.start()
            self._machine_tasks.start(host)
            http.start(host)
            log.info("worker.started", machine=machine, data_dir=str(data_dir), http=http.port)
            self._loop(host, http, store, directory)

    def _loop(self, host: Host, http: WorkerHttp, store: Store, directory: register.DataDirectory) -> None:
        """Keep the session, and one agent for each unit placed here, until told to stop."""
        pause_s = RETRY_FIRST_S
        while not self._stopping.is_set():
            self._news.clear()
            try:
                if host.authority.is_lost():
                    host.authority.begin()
                    register.end_former(host.repository, store, host.machine)
                served = host.worker_condition() is not None or self._enter(host, http)
                if self._new_addresses.is_set():
                    self._register(host.repository, directory)
                    self._new_addresses.clear()
                pause_s = RETRY_FIRST_S
            except Refused:
                raise
            except CoordinatorError as trouble:
                log.warning("worker.trouble", why=str(trouble))
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)
                continue
            if served:
                self._follow_units(host)
            self._news.wait(None if served else RETRY_FIRST_S)

    def _enter(self, host: Host, http: WorkerHttp) -> bool:
        address = self._settings.address or register.find_address()
        shown = parse_listen(self._settings.worker_listen)[0]
        at = address if shown in ("0.0.0.0", "::", "[::]", "") else shown
        url = f"http://{f'[{at}]' if ':' in at and not at.startswith('[') else at}:{http.port}"
        revision = register.serve(
            host.repository,
            self._clock,
            host.machine,
            lease=host.authority.lease,
            session=host.authority.id,
            url=url,
            secret=self._secret,
        )
        entered = host.live.wait_for(revision, RETRY_MAX_S)
        self._wake_agents()
        return entered

    # --- agents ------------------------------------------------------------------------------------------

    def _follow_units(self, host: Host) -> None:
        with host.live.look() as view:
            wanted = {
                (ref.path[0], unit.name)
                for model, _ in view.list(Kind.MODEL)
                for ref, unit in view.list(Kind.UNIT, model.path[0])
                if unit.machine == host.machine
            }
        with self._lock:
            new = [
                self._agents.setdefault(place, Agent(host, *place, self._ended))
                for place in sorted(wanted)
                if place not in self._agents
            ]
        for agent in new:
            agent.start()

    def _ended(self, agent: Agent) -> None:
        with self._lock:
            self._agents.pop((agent.model, agent.unit), None)
        self._news.set()

    def _units(self) -> list[tuple[str, UnitName]]:
        with self._lock:
            return list(self._agents)

    def _run_in(self, place: tuple[str, UnitName], script: Script) -> Said:
        with self._lock:
            agent = self._agents.get(place)
        if agent is None:
            raise Refused(f'unit "{place[1]}" not found on this machine')
        return agent.hand_in(script).wait()

    def _moved(self, live: LiveTree, moved: list[Ref], firewall: Firewall, tender: StorageTender) -> None:
        """Wake the agents that what moved concerns; what it is they read themselves.

        Called by the mirror, with its lock held, so a look costs nothing.
        """
        if any(ref.kind in (Kind.MACHINE, Kind.WORKER, Kind.UNIT, Kind.MODEL) for ref in moved):
            self._news.set()
        firewall.moved(moved)
        tender.moved(moved)
        with self._lock:
            agents = dict(self._agents)
        with live.look() as view:
            awake = concerned(view, moved, agents)
        for place in awake:
            agents[place].wake()
        if any(ref.kind is Kind.LEADER for ref in moved):
            self._campaign.wake()
        if any(ref.kind in OF_MACHINE_TASKS for ref in moved):
            self._machine_tasks.wake()

    def _all_agents(self) -> list[Agent]:
        with self._lock:
            return list(self._agents.values())

    def _wake_agents(self) -> None:
        for agent in self._all_agents():
            agent.wake()

    def _wake_all(self) -> None:
        self._news.set()
        self._wake_agents()
        self._campaign.wake()
        self._machine_tasks.wake()

    def _stop_agents(self, runs: Runs) -> None:
        """Let running hooks end, for a while; then end them.  Either way they are not lost: they run again."""
        agents = self._all_agents()
        for agent in agents:
            agent.stop()
        deadline_s = self._clock.monotonic_s() + self._settings.stop_timeout_s
        if not all(agent.join(max(0.0, deadline_s - self._clock.monotonic_s())) for agent in agents):
            runs.kill()
        for agent in agents:
            agent.join(RETRY_MAX_S)
