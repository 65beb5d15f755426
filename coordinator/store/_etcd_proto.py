"""The messages and stubs of etcd3 0.12.0, on the fast protobuf backend.

Role: `rpc` and `kv` (message classes) and the gRPC stubs, for etcd.py and its helpers.
etcd3 ships code generated in 2019, which today's protobuf refuses to run ("Descriptors cannot be created
directly").  The official way out is an environment variable that switches the whole process, and every
hook it starts, to a backend several times slower (spec/etcd.md 1.2).  So we take the serialized file
descriptors out of the generated source with `ast`, build the classes in a descriptor pool of our own, and
put the three modules where etcd3 will look for them.
Not here: any call (_etcd_calls.py), any rule of ours.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

PACKAGE = "etcd3.etcdrpc"
FILES = ("kv", "auth", "rpc")  # each needs the ones before it

_Field = descriptor_pb2.FieldDescriptorProto


def _serialized_descriptor(source: Path) -> bytes:
    """Return the constant that the generated module in *source* passes as `serialized_pb=_b('…')`."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb" and isinstance(node.value, ast.Call):
            text = ast.literal_eval(node.value.args[0])
            assert isinstance(text, str)
            return text.encode("latin1")
    raise ImportError(f"{source} has no serialized descriptor; etcd3==0.12.0 is needed, exactly")


def _add_missing_fields(file: descriptor_pb2.FileDescriptorProto) -> None:
    """Add what etcd understands but the messages of 0.12.0 cannot say (names and numbers: etcd's rpc.proto).

    Fragments keep a large revision below the message limit (W16), a progress request asks a quiet stream
    whether it is alive (W14), and the watch id of our choice makes an answer recognisable.
    """
    messages = {message.name: message for message in file.message_type}
    create, request = messages["WatchCreateRequest"], messages["WatchRequest"]
    optional = _Field.LABEL_OPTIONAL
    create.field.add(name="watch_id", number=7, type=_Field.TYPE_INT64, label=optional)
    create.field.add(name="fragment", number=8, type=_Field.TYPE_BOOL, label=optional)
    messages["WatchResponse"].field.add(name="fragment", number=7, type=_Field.TYPE_BOOL, label=optional)
    file.message_type.add(name="WatchProgressRequest")
    request.field.add(
        name="progress_request",
        number=3,
        type=_Field.TYPE_MESSAGE,
        type_name=".etcdserverpb.WatchProgressRequest",
        label=optional,
        oneof_index=0,
    )


def _module(name: str, file: Any) -> ModuleType:
    """Return a module with the classes and enums of *file*, as generated code would define them."""
    module = ModuleType(f"{PACKAGE}.{name}_pb2")
    module.__dict__["DESCRIPTOR"] = file
    for message in file.message_types_by_name.values():
        module.__dict__[message.name] = message_factory.GetMessageClass(message)
    for enum in file.enum_types_by_name.values():
        module.__dict__[enum.name] = EnumTypeWrapper(enum)
        module.__dict__.update({value.name: value.number for value in enum.values})
    return module


def _seed() -> None:
    """Put etcd3's three message modules into `sys.modules`, unless they are there."""
    if f"{PACKAGE}.rpc_pb2" in sys.modules:
        return
    spec = importlib.util.find_spec("etcd3")  # finds the package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("etcd3 is not installed; `pip install 'coordinator[coordinator]'` brings etcd3==0.12.0")
    folder = Path(spec.submodule_search_locations[0]) / "etcdrpc"
    # A pool of our own: the default one has room for a single file called `rpc.proto` (spec 1.2).
    pool = descriptor_pool.DescriptorPool()
    for name in FILES:
        file = descriptor_pb2.FileDescriptorProto.FromString(_serialized_descriptor(folder / f"{name}_pb2.py"))
        if name == "rpc":
            _add_missing_fields(file)
        pool.AddSerializedFile(file.SerializeToString())
        module = _module(name, pool.FindFileByName(file.name))
        sys.modules[module.__name__] = module


_seed()

import etcd3.etcdrpc as _etcdrpc  # noqa: E402  (only works after _seed)

#: Message classes and enums of etcd's rpc.proto.  `Any`, because they are made at run time.
rpc: Any = sys.modules[f"{PACKAGE}.rpc_pb2"]
#: KeyValue and Event.
kv: Any = sys.modules[f"{PACKAGE}.kv_pb2"]
#: The gRPC stubs: KVStub, LeaseStub, WatchStub, MaintenanceStub, AuthStub.
stubs: Any = _etcdrpc
