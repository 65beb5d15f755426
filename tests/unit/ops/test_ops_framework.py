"""Objects, events, observers, deferral and duplicates; the breakpoints of a charm."""

from __future__ import annotations

import gc
import sys

import pytest

import ops
from ops import framework as fw


class Poked(ops.EventBase):
    def __init__(self, handle, how=""):
        super().__init__(handle)
        self.how = how

    def snapshot(self):
        return {"how": self.how}

    def restore(self, snapshot):
        self.how = snapshot["how"]


class PokedEvents(ops.ObjectEvents):
    poked = ops.EventSource(Poked)


class Source(ops.Object):
    on = PokedEvents()


class Recorder(ops.Object):
    """Writes down what it sees, and defers as often as it is told."""

    def __init__(self, parent, key, seen, defer=0):
        super().__init__(parent, key)
        self.seen, self.defer = seen, defer

    def on_poked(self, event):
        self.seen.append((self.handle.key, event.how))
        if self.defer > 0:
            self.defer -= 1
            event.defer()

    def on_poked_too(self, event):
        self.seen.append((f"{self.handle.key} too", event.how))


# --- handles and objects ---


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        pytest.param([("Charm", None)], "Charm", id="a root has no slash"),
        pytest.param([("Charm", ""), ("on", None)], "Charm/on", id="an empty key counts as none"),
        pytest.param([("Charm", None), ("Lib", "db"), ("on", None), ("ready", "8")], "Charm/Lib[db]/on/ready[8]"),
    ],
)
def test_a_path_says_where_a_handle_is(parts, path):
    handle = None
    for kind, key in parts:
        handle = ops.Handle(handle, kind, key)
    assert str(handle) == path
    assert str(ops.Handle.from_path(path)) == path


@pytest.mark.parametrize("path", ["Lib[a/b]/on/ready[1]", "Lib[a[b]", "Lib[a", ""])
def test_keys_with_slashes_or_brackets_make_paths_that_cannot_be_read(path):
    with pytest.raises(RuntimeError, match="invalid handle path"):
        ops.Handle.from_path(path)


def test_handles_with_equal_parts_are_equal_and_hash_alike():
    assert ops.Handle(None, "a", "1") == ops.Handle(None, "a", "1") != ops.Handle(None, "a", "2")
    assert len({ops.Handle(None, "a", "1"), ops.Handle(None, "a", "1")}) == 1


def test_two_live_objects_cannot_have_one_path(framework):
    first = ops.Object(framework, "one")
    with pytest.raises(RuntimeError, match="two objects claiming to be"):
        ops.Object(framework, "one")
    del first
    gc.collect()
    ops.Object(framework, "one")


def test_the_kind_of_an_object_is_its_class_unless_it_says_otherwise(framework):
    class Plain(ops.Object):
        pass

    class Named(ops.Object):
        handle_kind = "given"

    class Below(Named):
        pass

    kept = [Plain(framework, "1"), Named(framework, "2"), Below(framework, "3")]
    assert [each.handle.path for each in kept] == ["Plain[1]", "given[2]", "given[3]"]


def test_the_framework_is_freed_with_its_objects(model, tmp_path):
    import weakref

    framework = ops.Framework(ops.storage.SQLiteStorage(":memory:"), tmp_path, ops.CharmMeta(), model)
    source = Source(framework, "s")
    assert source.on is source.on
    framework.on.commit  # noqa: B018  (reading it binds it)
    framework.close()
    watch = weakref.ref(framework)
    del framework, source
    gc.collect()
    assert watch() is None


# --- event sources ---


def test_an_event_source_needs_an_event():
    with pytest.raises(RuntimeError, match="requires a subclass of EventBase"):
        ops.EventSource(object)


def test_an_event_source_is_for_one_attribute():
    shared = ops.EventSource(Poked)

    class First(ops.ObjectEvents):
        event = shared

    with pytest.raises(RuntimeError):

        class Second(ops.ObjectEvents):
            event = shared


@pytest.mark.parametrize(
    ("kind", "why"),
    [("not-an-identifier", "identifier"), ("class", "keyword"), ("poked", "overlaps"), ("events", "overlaps")],
)
def test_events_are_defined_under_names_that_are_possible_and_free(kind, why):
    class Own(PokedEvents):
        pass

    with pytest.raises(RuntimeError, match=why):
        Own.define_event(kind, Poked)


def test_events_can_be_found_by_the_beginning_of_their_name(framework):
    class Events(ops.ObjectEvents):
        my_db_ready = ops.EventSource(Poked)

    class Owner(ops.Object):
        on = Events()

    owner = Owner(framework, "o")
    assert owner.on["my-db"].ready.event_kind == "my_db_ready"
    assert list(owner.on.events()) == ["my_db_ready"]
    assert repr(owner.on).endswith("Events: my_db_ready>")


# --- observing ---


def test_handlers_run_in_the_order_of_observing(framework):
    seen = []
    source = Source(framework, "s")
    first, second = Recorder(framework, "first", seen), Recorder(framework, "second", seen)
    framework.observe(source.on.poked, second.on_poked)
    framework.observe(source.on.poked, first.on_poked)
    framework.observe(source.on.poked, second.on_poked_too)
    source.on.poked.emit("hard")
    assert seen == [("second", "hard"), ("first", "hard"), ("second too", "hard")]


def test_what_cannot_be_observed_or_observe_is_refused(framework):
    source, recorder = Source(framework, "s"), Recorder(framework, "r", [])

    class Greedy(ops.Object):
        def needs_more(self, event, other): ...

        def can_do_with_less(self, event, other=None, *args, **kwargs): ...

        def takes_nothing(self): ...

    greedy = Greedy(framework, "g")
    with pytest.raises(TypeError):
        framework.observe("poked", recorder.on_poked)
    with pytest.raises(TypeError):
        framework.observe(source.on.poked, lambda event: None)
    for method in (greedy.needs_more, greedy.takes_nothing):
        with pytest.raises(TypeError, match="callable with the event alone"):
            framework.observe(source.on.poked, method)
    framework.observe(source.on.poked, greedy.can_do_with_less)


def test_each_handler_gets_an_event_of_its_own_without_what_was_not_saved(framework):
    class Leaky(ops.EventBase):
        def __init__(self, handle):
            super().__init__(handle)
            self.forgotten = True

    class Events(ops.ObjectEvents):
        leaky = ops.EventSource(Leaky)

    class Owner(ops.Object):
        on = Events()
        seen = []

        def handler(self, event):
            self.seen.append((hasattr(event, "forgotten"), hasattr(event, "left")))
            event.left = True

        def other(self, event):
            self.handler(event)

    owner = Owner(framework, "o")
    framework.observe(owner.on.leaky, owner.handler)
    framework.observe(owner.on.leaky, owner.other)
    owner.on.leaky.emit()
    assert owner.seen == [(False, False), (False, False)]


def test_an_event_without_observers_still_has_to_be_one_that_could_be_saved(framework):
    with pytest.raises(ValueError, match="simple types"):
        Source(framework, "s").on.poked.emit(object())


def test_events_are_numbered_also_when_nobody_looks(framework):
    source, seen = Source(framework, "s"), []

    class Looker(ops.Object):
        def look(self, event):
            seen.append(event.handle.path)

    source.on.poked.emit()
    looker = Looker(framework, "l")
    framework.observe(source.on.poked, looker.look)
    source.on.poked.emit()
    assert seen == ["Source[s]/on/poked[2]"]


def test_an_event_emitted_in_a_handler_runs_before_the_handler_goes_on(framework):
    source, seen = Source(framework, "s"), []

    class Nesting(ops.Object):
        def outer(self, event):
            seen.append(f"{event.how} begins")
            if event.how == "outer":
                source.on.poked.emit("inner")
            seen.append(f"{event.how} ends")

    nesting = Nesting(framework, "n")
    framework.observe(source.on.poked, nesting.outer)
    source.on.poked.emit("outer")
    assert seen == ["outer begins", "inner begins", "inner ends", "outer ends"]


def test_an_exception_in_a_handler_stops_the_others(framework):
    source, seen = Source(framework, "s"), []

    class Failing(ops.Object):
        def fail(self, event):
            raise ArithmeticError

    failing, recorder = Failing(framework, "f"), Recorder(framework, "r", seen)
    framework.observe(source.on.poked, failing.fail)
    framework.observe(source.on.poked, recorder.on_poked)
    with pytest.raises(ArithmeticError):
        source.on.poked.emit()
    assert seen == []


# --- deferring ---


def notices(framework):
    return [(event, method) for event, _, method in framework._storage.notices()]


def test_deferred_handlers_run_again_in_the_order_they_were_first_saved(framework):
    seen = []
    source = Source(framework, "s")
    first, second = Recorder(framework, "first", seen, defer=2), Recorder(framework, "second", seen, defer=1)
    for recorder in (first, second):
        framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit("a")
    source.on.poked.emit("b")
    assert seen == [("first", "a"), ("second", "a"), ("first", "b"), ("second", "b")]
    seen.clear()
    framework.reemit()
    assert seen == [("first", "a"), ("second", "a"), ("first", "b")]
    framework.reemit()
    assert notices(framework) == []
    assert list(framework._storage.list_snapshots()) == []


def test_only_the_pair_of_event_and_handler_is_deferred(framework):
    seen = []
    source = Source(framework, "s")
    deferring, done = Recorder(framework, "deferring", seen, defer=1), Recorder(framework, "done", seen)
    for recorder in (deferring, done):
        framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit("a")
    framework.reemit()
    assert seen == [("deferring", "a"), ("done", "a"), ("deferring", "a")]


def test_an_equal_notice_that_waits_makes_another_one_superfluous(framework):
    seen = []
    source = Source(framework, "s")
    always, never = Recorder(framework, "always", seen, defer=9), Recorder(framework, "never", seen)
    for recorder in (always, never):
        framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit("same")
    source.on.poked.emit("same")
    source.on.poked.emit("other")
    assert [path for path, _ in notices(framework)] == ["Source[s]/on/poked[1]", "Source[s]/on/poked[3]"]
    assert seen.count(("never", "same")) == 2, "only the observer with a waiting notice is skipped"


def test_observing_twice_with_one_method_calls_it_once(framework):
    seen = []
    source, recorder = Source(framework, "s"), Recorder(framework, "r", seen)
    framework.observe(source.on.poked, recorder.on_poked)
    framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit()
    assert seen == [("r", "")]


def test_duplicates_can_be_wanted(model, tmp_path):
    storage = ops.storage.SQLiteStorage(":memory:")
    framework = ops.Framework(storage, tmp_path, ops.CharmMeta(), model, skip_duplicate_events=False)
    seen = []
    source, recorder = Source(framework, "s"), Recorder(framework, "r", seen)
    framework.observe(source.on.poked, recorder.on_poked)
    framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit()
    assert len(seen) == 2
    framework.close()


def test_a_notice_for_an_observer_that_is_gone_is_dropped_with_a_warning(framework, caplog):
    source, recorder = Source(framework, "s"), Recorder(framework, "r", [], defer=1)
    framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit()
    del recorder
    gc.collect()
    framework.reemit()
    assert "Recorder[r]" in caplog.text
    assert notices(framework) == []


def test_notices_of_unknown_events_and_methods_are_dropped_silently(framework, caplog):
    source, recorder = Source(framework, "s"), Recorder(framework, "r", [])
    framework.observe(source.on.poked, recorder.on_poked)
    storage = framework._storage
    storage.save_snapshot("Gone/on/event[1]", {})
    storage.save_notice("Gone/on/event[1]", "Recorder[r]", "on_poked")
    storage.save_snapshot("Source[s]/on/poked[2]", {"how": ""})
    storage.save_notice("Source[s]/on/poked[2]", "Recorder[r]", "no_such_method")
    framework.reemit()
    assert notices(framework) == []
    assert list(storage.list_snapshots()) == []
    assert "WARNING" not in caplog.text


def test_the_backend_knows_which_event_is_handled_and_whether_again(framework, backend):
    seen = []
    source = Source(framework, "s")

    class Looker(ops.Object):
        def look(self, event):
            seen.append((backend._hook_is_running, backend._event_is_deferred))
            if len(seen) == 1:
                event.defer()

    looker = Looker(framework, "l")
    framework.observe(source.on.poked, looker.look)
    source.on.poked.emit()
    framework.reemit()
    assert seen == [("poked", False), ("poked", True)]
    assert backend._hook_is_running == ""


def test_the_event_context_may_be_replaced_by_one_that_takes_the_name_alone(framework, monkeypatch):
    import contextlib

    entered = []

    @contextlib.contextmanager
    def context(name):
        entered.append(name)
        yield

    monkeypatch.setattr(framework, "_event_context", context)
    source, recorder = Source(framework, "s"), Recorder(framework, "r", [])
    framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit()
    assert entered == ["poked"]


def test_lifecycle_events_cannot_be_deferred(framework):
    class Late(ops.Object):
        def on_commit(self, event):
            event.defer()

    late = Late(framework, "l")
    framework.observe(framework.on.pre_commit, late.on_commit)
    with pytest.raises(RuntimeError, match="cannot defer PreCommitEvent"):
        framework.commit()


# --- snapshots ---


def test_only_what_is_registered_can_be_saved_and_restored(framework):
    handle = ops.Handle(None, "Unknown", "1")
    with pytest.raises(fw.NoTypeError) as caught:
        framework.load_snapshot(handle)
    assert caught.value.handle_path == "Unknown[1]"
    with pytest.raises(RuntimeError, match="registering"):
        framework.save_snapshot(Poked(handle))
    framework.register_type(Poked, None, "Unknown")
    with pytest.raises(ops.storage.NoSnapshotError):
        framework.load_snapshot(handle)
    framework.save_snapshot(Poked(handle, "gently"))
    assert framework.load_snapshot(handle).how == "gently"


def test_snapshots_of_events_that_nobody_waits_for_can_be_removed(framework):
    source, recorder = Source(framework, "s"), Recorder(framework, "r", [], defer=1)
    framework.observe(source.on.poked, recorder.on_poked)
    source.on.poked.emit()
    framework._storage.save_snapshot("Source[s]/on/poked[99]", {"how": ""})
    framework._storage.save_snapshot("Charm/StoredStateData[_stored]", {})
    framework._storage.save_snapshot("not[a path", {})
    framework.remove_unreferenced_events()
    assert set(framework._storage.list_snapshots()) == {
        "Source[s]/on/poked[1]",
        "Charm/StoredStateData[_stored]",
        "not[a path",
    }


def test_a_path_may_stand_for_a_storage(model, tmp_path, caplog):
    framework = ops.Framework(str(tmp_path / "state"), tmp_path, ops.CharmMeta(), model)  # type: ignore[arg-type]
    assert "deprecated" in caplog.text
    framework.commit()
    framework.close()
    assert (tmp_path / "state").exists()


# --- breakpoints ---


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (7, TypeError),
        ("", ValueError),
        ("A", ValueError),
        ("-a", ValueError),
        ("all", ValueError),
        ("hook", ValueError),
    ],
)
def test_names_of_breakpoints_are_checked_although_nobody_debugs(framework, name, error):
    with pytest.raises(error):
        framework.breakpoint(name)


def test_a_breakpoint_that_was_asked_for_stops_in_the_caller(model, tmp_path, monkeypatch, capsys, caplog):
    storage = ops.storage.SQLiteStorage(":memory:")
    framework = ops.Framework(storage, tmp_path, ops.CharmMeta(), model, juju_debug_at={"here"})
    stopped = []
    monkeypatch.setattr("pdb.Pdb.set_trace", lambda self, frame: stopped.append(frame.f_code.co_name))
    framework.breakpoint("elsewhere")
    assert "skipped" in caplog.text
    framework.breakpoint("here")
    framework.breakpoint("here")
    assert stopped == [sys._getframe().f_code.co_name] * 2
    assert capsys.readouterr().err.count("pdb") >= 1
    framework.close()


def test_with_hook_handlers_of_hooks_run_under_the_debugger(model, tmp_path, monkeypatch):
    storage = ops.storage.SQLiteStorage(":memory:")
    framework = ops.Framework(storage, tmp_path, ops.CharmMeta(), model, juju_debug_at={"hook"})
    debugged = []
    monkeypatch.setattr("pdb.Pdb.runcall", lambda self, handler, event: debugged.append(type(event).__name__))

    class Both(ops.ObjectEvents):
        hook = ops.EventSource(ops.StartEvent)
        custom = ops.EventSource(Poked)

    class Owner(ops.Object):
        on = Both()

        def handler(self, event): ...

    owner = Owner(framework, "o")
    framework.observe(owner.on.hook, owner.handler)
    framework.observe(owner.on.custom, owner.handler)
    owner.on.hook.emit()
    owner.on.custom.emit()
    assert debugged == ["StartEvent"]
    framework.close()


def test_events_that_neither_the_controller_nor_the_framework_sent_are_logged(model, tmp_path, caplog):
    storage = ops.storage.SQLiteStorage(":memory:")
    framework = ops.Framework(storage, tmp_path, ops.CharmMeta(), model, event_name="start")

    class Both(ops.ObjectEvents):
        start = ops.EventSource(ops.StartEvent)
        custom = ops.EventSource(Poked)

    class Owner(ops.Object):
        on = Both()

        def handler(self, event):
            if isinstance(event, ops.StartEvent):
                self.on.custom.emit()

    owner = Owner(framework, "o")
    framework.observe(owner.on.start, owner.handler)
    framework.observe(owner.on.custom, owner.handler)
    with caplog.at_level("DEBUG"):
        owner.on.start.emit()
        framework.commit()
    assert [text for text in caplog.messages if "custom" in text] == [
        "Emitting custom event <Poked via Owner[o]/on/custom[2]>."
    ]
    framework.close()
