"""The program behind every hook command: hand one call to the worker, hand its answer to the charm.

Role: a copy of this file stands in the search path of every hook, with a link for each command; toolserver.py
installs it.  The name it is called by is the command.  A charm may call hundreds of commands in one hook, each
in a new process, so what is imported here is counted in milliseconds: `_socket` and `posix` take a third of
what `socket`, `os` and `json` would, and are what those are made of.
Not here: what any command means (engine/tools/).

The protocol, for clients in other languages.  A stream socket at JUJU_AGENT_SOCKET_ADDRESS, one call per
connection.  Each side sends one frame: 4 bytes with the length of the rest, then fields, each as 4 bytes with
its length and its bytes.  Lengths are big-endian; numbers in fields are decimal text; text is as the system
gave it, usually UTF-8.

    request     "call", JUJU_CONTEXT_ID, name of the command, count of arguments, the arguments ...,
                then for each input that the server asked for: its name, its content
    answer      "answer", exit code, standard output, standard error[, file that the output goes to]
    or          "needs", most bytes of one input, names of inputs ...

    script      "exec", JUJU_MODEL_NAME or nothing, the arguments ...; from `juju-exec`, outside of hooks

After "needs" the client reads the inputs (files as named in the arguments, relative to its own directory;
"-" is standard input) and makes the same call again, with them, on a new connection.  A client that was not
asked never touches its standard input: scripts read from it in a loop.
"""

import sys
from posix import _exit, environ, write

try:
    from _socket import AF_UNIX, SOCK_STREAM, socket
except ImportError:  # an interpreter that is made differently
    from socket import AF_UNIX, SOCK_STREAM, socket  # type: ignore[no-redef]

LENGTH_BYTES = 4  # of a frame, and of each field in it
SCRIPT_NAMES = (b"juju-exec", b"juju-run")
ADDRESS_FILE = b".agent-address"


class Failed(Exception):
    """The call did not come to an answer; the text says why."""


def pack(fields):
    """Return the frame that holds *fields*, a list of bytes."""
    body = b"".join(len(field).to_bytes(LENGTH_BYTES, "big") + field for field in fields)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def unpack(body):
    """Return the fields of a frame without its length.

    Raises:
        ValueError: the lengths do not fit.
    """
    fields, at = [], 0
    while at < len(body):
        start = at + LENGTH_BYTES
        at = start + int.from_bytes(body[at:start], "big")
        if at > len(body):
            raise ValueError("a field is longer than its frame")
        fields.append(body[start:at])
    return fields


def call(address, request):
    """Send one request, a list of fields, and return the fields of its answer."""
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(address)
        connection.sendall(pack(request))
        return unpack(receive(connection, int.from_bytes(receive(connection, LENGTH_BYTES), "big")))
    except OSError as error:
        raise Failed(f"cannot talk to the agent at {shown(address)}: {error.strerror}") from None
    finally:
        connection.close()


def receive(connection, count):
    """Return exactly *count* bytes."""
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            raise Failed("the agent closed the connection")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_input(name, bytes_max):
    """Return the content of a file, or of standard input."""
    what = "stdin" if name == b"-" else shown(name)
    try:
        with open(0 if name == b"-" else name, "rb", closefd=name != b"-") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise Failed(f"cannot read {what}: {error.strerror}") from None
    if len(content) > bytes_max:
        raise Failed(f"cannot read {what}: it has more than {bytes_max} bytes, the limit")
    return content


def write_output(name, content):
    """Write the output to the file that `-o` named."""
    try:
        with open(name, "wb") as file:
            file.write(content)
    except OSError as error:
        raise Failed(f"cannot write {shown(name)}: {error.strerror}") from None


def shown(text):
    return text.decode("utf-8", "replace")


def write_all(descriptor, content):
    view = memoryview(content)
    while view:
        view = view[write(descriptor, view) :]


def address_beside(program):
    """Return the address that the worker wrote down beside *program*, which may be a link to it."""
    from posix import readlink  # only who is called from outside of hooks comes here

    for _ in range(40):  # as many links as the system follows itself
        try:
            target = readlink(program)
        except OSError:
            break
        program = target if target.startswith(b"/") else program.rpartition(b"/")[0] + b"/" + target
    try:
        with open(program.rpartition(b"/")[0] + b"/" + ADDRESS_FILE, "rb") as file:
            return file.read().strip()
    except OSError as error:
        raise Failed(f"no worker runs on this machine that you may use: {error.strerror}") from None


def run_script(arguments):
    """Have shell commands run in the context of a unit, and return their exit code."""
    context = environ.get(b"JUJU_CONTEXT_ID")
    if context:
        raise Failed(f'juju-exec cannot be called from within a hook, have context "{shown(context)}"')
    request = [b"exec", environ.get(b"JUJU_MODEL_NAME", b""), *arguments[1:]]
    answer = call(address_beside(__file__.encode(errors="surrogateescape")), request)
    write_all(1, answer[2])
    write_all(2, answer[3])
    return int(answer[1])


def run(arguments):
    """Carry out the command called *arguments[0]* and return its exit code."""
    if arguments[0].rpartition(b"/")[2] in SCRIPT_NAMES:
        return run_script(arguments)
    context = environ.get(b"JUJU_CONTEXT_ID")
    if not context:
        raise Failed("JUJU_CONTEXT_ID not set")
    address = environ.get(b"JUJU_AGENT_SOCKET_ADDRESS")
    if not address:
        raise Failed("JUJU_AGENT_SOCKET_ADDRESS not set")
    name = arguments[0].rpartition(b"/")[2]
    request = [b"call", context, name, str(len(arguments) - 1).encode(), *arguments[1:]]
    answer = call(address, request)
    if answer[0] == b"needs":
        bytes_max = int(answer[1])
        for wanted in answer[2:]:
            request += [wanted, read_input(wanted, bytes_max)]
        answer = call(address, request)
    if answer[0] != b"answer":
        raise Failed("the agent gave an answer that this command does not know")
    code, stdout, stderr = int(answer[1]), answer[2], answer[3]
    if len(answer) > 4:
        write_output(answer[4], stdout)
        stdout = b""
    write_all(1, stdout)
    write_all(2, stderr)
    return code


def main():
    coding = sys.getfilesystemencoding()
    try:
        code = run([argument.encode(coding, "surrogateescape") for argument in sys.argv])
    except Failed as failure:
        write_all(2, f"ERROR {failure}\n".encode("utf-8", "replace"))
        code = 1
    except BrokenPipeError:  # whoever read our output has seen enough
        code = 1
    except OSError as error:
        write_all(2, f"ERROR cannot write the output: {error.strerror}\n".encode("utf-8", "replace"))
        code = 1
    # Nothing is left to flush or clean up, and an orderly end of the interpreter takes longer than the call.
    _exit(code)


if __name__ == "__main__":
    main()
