"""View: entities as read, with their revisions, and what of them a plan looked at.

Role: the one shape in which stored things reach the core.  A Tree is the whole of what was read, kept current
by whoever owns it (store/repository.py for one command, the mirror of a worker or controller for its life);
a View is one look at it, which remembers every entity that was asked for.  What was looked at guards what is
written (store/repository.py: commit).
Not here: where it comes from (store/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from coordinator.domain.crowd import Crowd, Crowds
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret_owners import SecretOwners
from coordinator.errors import Corrupt, NotFound


class Token(NamedTuple):
    """Proof of ownership of a key held with a lease: the fencing token of every write made under it."""

    revision: int
    lease: int


class Stored:
    """One entity as stored.  Its bytes are decoded when somebody first looks; the object never changes."""

    __slots__ = ("_decode", "_value", "data", "lease", "revision")

    def __init__(self, data: bytes, revision: int, lease: int, decode: Callable[[bytes], Any]) -> None:
        self.data, self.revision, self.lease = data, revision, lease
        self._decode: Callable[[bytes], Any] | None = decode

    @property
    def value(self) -> Any:
        if self._decode is not None:
            self._value, self._decode = self._decode(self.data), None
        return self._value

    @property
    def token(self) -> Token:
        return Token(self.revision, self.lease)


#: How many leading names of a path a kind is listed by: the units of a (model, application), the members of
#: a (model, relation).  A kind without an entry is listed by its model.  Storage is also listed by the unit that
#: has it, like what is stored below that.
_LISTED_BY = {
    Kind.UNIT: (1, 2),
    Kind.MEMBER: (1, 2),
    Kind.UNIT_BAG: (1, 2),
    Kind.APPLICATION_BAG: (1, 2),
    Kind.STATUS: (1, 2),
    Kind.MEMORY: (1, 2),
    Kind.RELATION_MEMORY: (1, 3),
    Kind.QUEUED: (3,),
    Kind.MACHINE_QUEUED: (1, 2),
    Kind.MACHINE: (0,),
    Kind.WORKER: (0,),
    Kind.MODEL: (0,),
    Kind.CONTROLLER: (0,),
    Kind.USER: (0,),
    Kind.CHARM: (0,),
    Kind.SECRET_REVISION: (1, 2),
    Kind.SECRET_CONSUMER: (1, 2),
    Kind.RESOURCE: (0,),
}

#: Kinds that are listed by other names of their path too: what one unit reads, without a look at all secrets.
_LISTED_ALSO_BY = {Kind.SECRET_CONSUMER: itemgetter(0, 2, 3)}


#: Kinds whose bytes are added up for each model.
_WEIGHED = (Kind.TASK, Kind.TASK_LOG)

_Parent = tuple[Kind, tuple[str, ...]]


class Tree:
    """Stored entities by Ref, with an index of each kind by its parent, and of the units in a relation."""

    def __init__(self) -> None:
        self.revision = 0
        self.entries: dict[Ref, Stored] = {}
        self._children: dict[_Parent, dict[Ref, Stored]] = {}
        self._handed_out: set[_Parent] = set()  # children that somebody keeps: they are copied before they change
        self._crowds = Crowds(self.entries)
        self._owners = SecretOwners(self.entries)
        self._task_bytes: Counter[str] = Counter()

    def put(self, ref: Ref, stored: Stored) -> None:
        if ref.kind is Kind.STORAGE:
            self.remove(ref)  # its owner may be another one now
        if ref.kind in _WEIGHED:
            before = self.entries.get(ref)
            self._task_bytes[ref.path[0]] += len(stored.data) - (len(before.data) if before is not None else 0)
        self.entries[ref] = stored
        for parent in self._parents(ref, stored):
            self._children_to_change(parent)[ref] = stored
        self._crowds.renew(ref)
        self._owners.renew(ref)

    def remove(self, ref: Ref) -> None:
        stored = self.entries.pop(ref, None)
        if stored is not None:
            if ref.kind in _WEIGHED:
                self._task_bytes[ref.path[0]] -= len(stored.data)
            for parent in self._parents(ref, stored):
                siblings = self._children_to_change(parent)
                siblings.pop(ref, None)
                if not siblings:
                    del self._children[parent]
            self._crowds.renew(ref)
            self._owners.renew(ref)

    def list(self, kind: Kind, *parent: str) -> list[Ref]:
        """Return the refs of *kind* below *parent*, in no promised order."""
        return list(self._children.get((kind, parent), ()))

    def snapshot(self, kind: Kind, *parent: str) -> Mapping[Ref, Stored]:
        """Return the entities of *kind* below *parent* as they are now; what is handed out never changes."""
        children = self._children.get((kind, parent))
        if children is None:
            return {}
        self._handed_out.add((kind, parent))
        return children

    def crowd(self, model: str, relation: int, app: str) -> Crowd:
        """Return the units of *app* that are in the relation and stay; it never changes."""
        return self._crowds.of(model, relation, app, self._children.get((Kind.MEMBER, (model, str(relation))), ()))

    def secrets_of(self, model: str, owner: str, *, with_duties: bool) -> list[Ref]:
        """Return the secrets of *owner*; *with_duties*: only those that it may have to do something about."""
        return self._owners.of(model, owner, with_duties=with_duties)

    def secret_owners(self, model: str) -> list[str]:
        return self._owners.owners(model)

    def task_bytes(self, model: str) -> int:
        """Return how much room tasks take, with their results and progress."""
        return self._task_bytes[model]

    def _children_to_change(self, parent: _Parent) -> dict[Ref, Stored]:
        children = self._children.get(parent)
        if children is None:
            children = self._children[parent] = {}
        elif parent in self._handed_out:
            self._handed_out.remove(parent)
            children = self._children[parent] = dict(children)
        return children

    @staticmethod
    def _parents(ref: Ref, stored: Stored) -> Iterator[_Parent]:
        for length in _LISTED_BY.get(ref.kind, (1,)):
            yield ref.kind, ref.path[:length]
        if (also := _LISTED_ALSO_BY.get(ref.kind)) is not None:
            yield ref.kind, also(ref.path)
        if ref.kind is Kind.STORAGE and (owner := _owner(stored)) is not None:
            yield ref.kind, (ref.path[0], owner.app, str(owner.number))


def _owner(stored: Stored) -> UnitName | None:
    try:
        return stored.value.owner
    except Corrupt:
        return None  # whoever looks at it is told


class View:
    """One look at a Tree: every entity that is asked for, present or not, is remembered in `looked_at`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.revision = tree.revision
        self.looked_at: dict[Ref, int] = {}

    def again(self) -> View:
        """Return another look at the same, which remembers only what it is asked for itself."""
        return View(self._tree)

    def find_stored(self, ref: Ref) -> Stored | None:
        """Return the entity with its revision, or None when it does not exist."""
        stored = self._tree.entries.get(ref)
        self.looked_at[ref] = stored.revision if stored else 0
        return stored

    def find(self, ref: Ref) -> Any:
        """Return the entity, or None when it does not exist."""
        stored = self.find_stored(ref)
        return stored.value if stored else None

    def get(self, ref: Ref) -> Any:
        """Return the entity.

        Raises:
            NotFound: it does not exist; the text is the one that clients match on.
        """
        value = self.find(ref)
        if value is None:
            name = "/".join(ref.path[1:] or ref.path)
            raise NotFound(f'{ref.kind.value} "{name}" not found', fix="`coordinator status` lists what there is")
        return value

    def peek(self, ref: Ref) -> Any:
        """Return the entity or None, without making the write depend on it (for what only informs)."""
        stored = self._tree.entries.get(ref)
        return stored.value if stored else None

    def peek_stored(self, ref: Ref) -> Stored | None:
        """Like `find_stored`, without making the write depend on it."""
        return self._tree.entries.get(ref)

    def list(self, kind: Kind, *parent: str) -> list[tuple[Ref, Any]]:
        """Return the entities of *kind* below *parent*, sorted, without making the write depend on them.

        A plan that needs "none was added meanwhile" must `find` what every adder writes: the application for its
        units, the sequence of relations for relations (commands/ keeps it so).  That keeps the number of guards
        of a write small, however many units there are.
        """
        entries = self._tree.entries
        return [(ref, entries[ref].value) for ref in sorted(self._tree.list(kind, *parent))]

    def refs(self, kind: Kind, *parent: str) -> list[Ref]:
        """Return the names of the entities of *kind* below *parent*, in no promised order."""
        return self._tree.list(kind, *parent)

    def snapshot(self, kind: Kind, *parent: str) -> Mapping[Ref, Stored]:
        """Return the entities of *kind* below *parent* as stored, at the same cost however many."""
        return self._tree.snapshot(kind, *parent)

    def crowd(self, model: str, relation: int, app: str) -> Crowd:
        """Return the units of *app* that are in the relation and stay, at the same cost however many."""
        return self._tree.crowd(model, relation, app)

    def secrets_of(self, model: str, owner: str, *, with_duties: bool = False) -> list[Ref]:
        """Return the secrets of *owner*, sorted; *with_duties*: only those it may have to do something about."""
        return self._tree.secrets_of(model, owner, with_duties=with_duties)

    def secret_owners(self, model: str) -> list[str]:
        """Return who owns secrets in *model*: applications, units, the model itself."""
        return self._tree.secret_owners(model)

    def task_bytes(self, model: str) -> int:
        """Return how much room the tasks of *model* take, with results and progress, at the same cost always."""
        return self._tree.task_bytes(model)

    def exists(self, ref: Ref) -> bool:
        return self.find_stored(ref) is not None

    def add(self, ref: Ref, stored: Stored) -> None:
        """Add something that never changes, such as a charm, to what can be seen."""
        self._tree.put(ref, stored)
