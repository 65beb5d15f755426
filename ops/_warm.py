"""Keep an interpreter warm: a process that has imported what a charm needs, and forks for each hook.

Role: both ends of a fork.  `Parent` is a program of its own, started once per charm by a worker: it imports the
library that the charm uses and the modules that earlier hooks used, forks, and tells how each child ended.  A
child becomes the charm's program: its own working directory, environment, arguments and output, its own modules
loaded afresh, nothing shared back.
Not here: who orders a hook (the worker), and how a charm asks for what it needs (_door.py beside this file).

This file imports the standard library only, and runs under whichever `ops` the charm brings.

Children are forked in advance, so that nobody waits for a fork.  Each waits for its order on a socket that comes
from the worker, which knows the child before it gives that: so whoever ends hooks does, before any of the charm's
code can run.  Messages are JSON texts, one per packet; those between worker and parent go over the parent's
standard input.

    {"import": [names]}                to the parent: modules to import before the next fork
    {"prepare": program, "cwd": path}  fork a child for this program, in the charm directory *path*; with the
                                       socket for its order
    {"ready": pid, …}                  from the parent: it can be told to prepare
    {"child": pid}                     it forked, the child leads a group of its own
    {"ended": pid, "status": status}   a child ended; as `os.waitpid` has it
    {"unfit": text}                    the parent must not fork any more, and why
    {"name": name, "argv": […], "cwd": path, "env": {…}, "path": […]}
                                       to a child, its order; with descriptors: output, error output, channel

The first frame on the channel has answers that are known in advance; what else goes over it is for the library of
the charm, see _door.py.
"""

import sys

if __name__ == "__main__" and sys.path and not sys.flags.isolated:
    # The directory of this file has modules whose names are those of others.
    del sys.path[0]

import contextlib
import gc
import json
import os
import select
import socket

MESSAGE_BYTES_MAX = 1 << 20
LENGTH_BYTES = 4
REHEARSE_AFTER_S = 0.004
#: New objects before the first collection.  Most hooks never make as many, and each collection copies pages.
COLLECT_AFTER = 10_000

_DOOR = "ops._door"

#: Programs whose compiled code is kept: one for each unit of the charm on this machine, hardly ever more.
_PROGRAMS_MAX = 64


class Parent:
    """The process that forks.  It has one thread, always: a fork of several is luck."""

    def __init__(self, control):
        self.control = control
        self.children = {}  # pid by the descriptor that tells of its end
        self.programs = {}
        self.module_count = 0
        self.news = select.poll()

    def serve(self):
        """Do what the worker says until it says no more, and all children have ended."""
        self.freeze()
        control = self.control.fileno()
        self.news.register(control, select.POLLIN)
        is_told = True
        while self.children or is_told:
            for ready, _ in self.news.poll():
                if ready != control:
                    self._reap(ready)
                elif not self._obey():
                    self.news.unregister(control)
                    is_told = False

    def _reap(self, end):
        pid = self.children.pop(end)
        self.news.unregister(end)
        os.close(end)
        self.say(ended=pid, status=os.waitpid(pid, 0)[1])

    def _obey(self):
        """Do what one message says; return False when there will be no more."""
        message, descriptors, _, _ = socket.recv_fds(self.control, MESSAGE_BYTES_MAX, 1)
        if not message:
            return False
        wanted = json.loads(message)
        if "import" in wanted:
            self.load(wanted["import"])
        else:
            self._learn(wanted["prepare"], wanted["cwd"])
            self._fork(*descriptors)
        return True

    def say(self, **message):
        """Tell the worker something."""
        try:
            self.control.send(json.dumps(message).encode())
        except OSError:
            os._exit(0)  # the worker is gone

    # --- what is warm ---

    def load(self, names):
        """Import modules, for all forks from now on."""
        import importlib

        for name in names:
            try:
                importlib.import_module(name)
            except BaseException:  # whatever a module does when it is imported, hooks go on as before
                continue
        self.freeze()

    def freeze(self):
        """Get ready for the next fork; tell if there must be none."""
        problem = unfit()
        if problem:
            self.say(unfit=problem)
        self.module_count = len(sys.modules)
        gc.collect()
        # Pages with objects that nobody looks at stay shared with all children.
        gc.freeze()

    def _learn(self, program, charm_dir):
        """Get to know the charm as it is now.  What is wrong with it, its own run will tell."""
        with contextlib.suppress(OSError, SyntaxError, ValueError):
            self._code(os.path.join(charm_dir, program))
        door = sys.modules.get(_DOOR)
        if door is not None:
            door.read_ahead(charm_dir)

    def _code(self, program):
        """Return the compiled code of *program*; compiling is most of what a large charm takes to start."""
        found = os.stat(program)
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        kept = self.programs.get(program)
        if kept is None or kept[0] != stamp:
            with open(program, "rb") as file:
                kept = stamp, compile(file.read(), program, "exec")
            while len(self.programs) >= _PROGRAMS_MAX:
                del self.programs[next(iter(self.programs))]
            self.programs[program] = kept
        return kept[1]

    # --- forking ---

    def _fork(self, connection):
        pid = os.fork()
        if pid:
            os.close(connection)
            os.setpgid(pid, pid)
            end = os.pidfd_open(pid)
            self.children[end] = pid
            self.news.register(end, select.POLLIN)
            self.say(child=pid)
            return
        status = 1
        try:
            status = self._wait_for_order(socket.socket(fileno=connection))
        finally:
            os._exit(status)

    # --- in the child ---

    def _wait_for_order(self, connection):
        """Be the program of the order that comes; return its exit status."""
        self.control.close()
        for end in self.children:
            os.close(end)
        door = sys.modules.get(_DOOR)
        # While there is no end of work, orders come at once.
        idle = not select.select([connection], [], [], REHEARSE_AFTER_S)[0]
        if idle and door is not None:
            # Not for what it does: it touches what a run touches, so that pages are copied before anybody waits.
            door.rehearse()
        message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES_MAX, 3)
        connection.close()
        if not message:
            return 0  # nobody wants it
        return self._become(json.loads(message.decode()), *descriptors)

    def _become(self, order, output, errors, channel_fd):
        null = os.open(os.devnull, os.O_RDONLY)
        for given, wanted in ((null, 0), (output, 1), (errors, 2)):
            os.dup2(given, wanted)
            os.close(given)
        channel = Channel(socket.socket(fileno=channel_fd))
        os.chdir(order["cwd"])
        _set_environment(order["env"])
        sys.argv[:] = order["argv"]
        _show_as(order["name"])
        program = os.path.join(order["cwd"], order["argv"][0])
        sys.path[:] = [os.path.dirname(program), *order["path"]]
        gc.enable()
        gc.set_threshold(COLLECT_AFTER)
        pid = os.getpid()
        status = run_program(program, lambda: self._code(program), channel)
        if os.getpid() != pid:
            return status  # a process that the charm has forked, and that ends like a program of its own
        # Whatever looks at an object here has its page copied: so nothing looks at the modules unless there are
        # more.
        if len(sys.modules) > self.module_count:
            channel.tell(b"m", sorted(_reusable(list(sys.modules)[self.module_count :], order["cwd"])))
        channel.tell(b"e", status)
        # What follows is the system's: nobody has to wait while it takes this process apart.
        channel.connection.close()
        os.closerange(1, 3)
        return status


def _set_environment(wanted):
    """Have no variables but *wanted*.  Those that are right already are not written again, which is slow."""
    environ = os.environ
    for name in [each for each in environ if each not in wanted]:
        del environ[name]
    for name, value in wanted.items():
        if environ.get(name) != value:
            environ[name] = value


def _show_as(name):
    """Name this process for those who look at the processes of the machine, where that is possible."""
    with contextlib.suppress(OSError):
        comm = os.open("/proc/self/comm", os.O_WRONLY)
        try:
            os.write(comm, name[:15].encode())
        finally:
            os.close(comm)


def unfit():
    """Return why this process must not fork, or None if it may."""
    import threading

    if threading.active_count() > 1:
        return "a module that the charm imports has started a thread"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        return f"nothing tells of the end of a process here: {error}"
    try:
        count = len(os.listdir("/proc/self/task"))
    except OSError:
        return None
    return "a module that the charm imports has started a thread outside of Python" if count > 1 else None


def _reusable(names, charm_dir):
    """Return those of the modules *names* that are no code of the charm itself."""
    own = (os.path.join(charm_dir, "src") + os.sep, os.path.join(charm_dir, "lib") + os.sep)
    for name in names:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if name == "__main__" or file is None:
            continue
        if not os.path.abspath(file).startswith(own) and os.path.dirname(os.path.abspath(file)) != charm_dir:
            yield name


class Channel:
    """The child's end of a stream to the worker: frames of a length and as many bytes."""

    def __init__(self, connection):
        self.connection = connection

    def send(self, body):
        """Send one frame."""
        self.connection.sendall(len(body).to_bytes(LENGTH_BYTES, "big") + body)

    def receive(self):
        """Return the next frame.

        Raises:
            ConnectionError: the worker is gone, or has ended the hook.
        """
        return self._exactly(int.from_bytes(self._exactly(LENGTH_BYTES), "big"))

    def _exactly(self, count):
        parts = []
        while count:
            part = self.connection.recv(min(count, 1 << 20))
            if not part:
                raise ConnectionError("the worker has closed the channel of this hook")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def tell(self, kind, value):
        """Say something at the end of a hook: ``m``, modules it used; ``e``, its exit status."""
        # A worker that is gone has no use for it.
        with contextlib.suppress(OSError):
            self.send(kind + json.dumps(value).encode())


def run_program(program, code, channel):
    """Run what *code* returns as the main program, the way an interpreter would; return the exit status."""
    import types

    main = types.ModuleType("__main__")
    main.__file__ = program
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    _open_door(channel)
    status = 0
    try:
        exec(code(), main.__dict__)
    except SystemExit as end:
        status = _status_of(end)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    return _finish(status)


def _open_door(channel):
    """Send the calls of our library through *channel*; other libraries run commands."""
    door = sys.modules.get(_DOOR)
    if door is not None:
        door.open_for_good(channel)


def _status_of(end):
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _finish(status):
    """Do what an interpreter does at its end: wait for threads, call what wants to be called, flush."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            status = status or 120  # as an interpreter that cannot flush
    return status


def main(arguments):
    """Import the modules in *arguments*, then serve the orders on standard input."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    gc.disable()
    parent = Parent(control)
    parent.load(arguments)
    if _DOOR in sys.modules:
        sys.modules[_DOOR].rehearse()
    parent.say(ready=os.getpid(), path=sys.path, modules=[name for name in arguments if name in sys.modules])
    parent.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
