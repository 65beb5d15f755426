"""Charms as real processes, with hook commands in PATH: nothing of ops is replaced."""

from __future__ import annotations

CHARM = """
    import ops

    class Story(ops.CharmBase):
        _stored = ops.StoredState()

        def __init__(self, framework):
            super().__init__(framework)
            self._stored.set_default(runs=[])
            framework.observe(self.on.config_changed, self._on_config_changed)
            framework.observe(self.on.db_relation_changed, self._on_db_changed)
            framework.observe(self.on.backup_action, self._on_backup)
            framework.observe(self.on.start, self._on_start)
            framework.observe(self.on.collect_unit_status, self._on_collect)

        def _on_config_changed(self, event):
            self._stored.runs.append("config")
            if len(self._stored.runs) == 1:
                event.defer()

        def _on_db_changed(self, event):
            answer = event.relation.data[event.unit]["question"] + "!"
            event.relation.data[self.unit]["answer"] = answer

        def _on_backup(self, event):
            event.set_results({"size": {"bytes": event.params["bytes"]}})

        def _on_start(self, event):
            self._stored.runs.append("start")
            raise ValueError("nothing starts today")

        def _on_collect(self, event):
            event.add_status(ops.ActiveStatus(" ".join(self._stored.runs)))

    if __name__ == "__main__":
        ops.main(Story)
"""


def test_a_deferred_event_comes_again_in_the_next_process_before_the_new_one(program):
    program.write_charm(CHARM)
    assert program.run("hooks/config-changed").returncode == 0
    assert program.calls[-1] == "status-set --application=False active -- config"
    assert program.run("hooks/update-status").returncode == 0
    assert program.calls[-1] == "status-set --application=False active -- config config"
    assert program.run("hooks/update-status").returncode == 0
    assert program.calls[-1] == "status-set --application=False active -- config config"


def test_a_handler_that_raises_ends_the_process_and_leaves_no_state(program):
    program.write_charm(CHARM)
    ended = program.run("hooks/start")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr, "the traceback belongs to the log"
    assert any("ERROR" in line and "Uncaught exception" in line for line in program.log)
    assert not [line for line in program.calls if line.startswith("status-set")]
    program.run("hooks/config-changed")
    assert program.calls[-1] == "status-set --application=False active -- config"


def test_relation_data_is_read_and_written_with_the_endpoint_in_the_reference(program):
    program.write_charm(CHARM)
    program.answer("relation-ids db --format=json", ["db:1"])
    program.answer("relation-list --format=json -r db:1", ["sql/0"])
    program.answer("relation-get --format=json -r db:1 - sql/0", {"question": "ready"})
    program.answer("relation-get --format=json -r db:1 - sample/0", {})
    ended = program.run(
        "hooks/db-relation-changed",
        JUJU_RELATION="db",
        JUJU_RELATION_ID="db:1",
        JUJU_REMOTE_APP="sql",
        JUJU_REMOTE_UNIT="sql/0",
    )
    assert ended.returncode == 0, ended.stderr
    assert "relation-set -r db:1 --file -" in program.calls
    assert program.input == {"answer": "ready!"}


def test_an_action_gets_its_parameters_and_sets_flat_results(program):
    program.write_charm(CHARM)
    program.answer("action-get --format=json", {"bytes": 7})
    ended = program.run("actions/backup", JUJU_ACTION_NAME="backup", JUJU_ACTION_UUID="3")
    assert ended.returncode == 0, ended.stderr
    assert "action-set size.bytes=7" in program.calls


def test_under_our_worker_state_goes_through_one_read_and_one_write(program):
    program.write_charm(CHARM)
    program.answer("state-get --format=json", None)
    assert program.run("hooks/config-changed", COORDINATOR_STATE="commit").returncode == 0
    assert [line for line in program.calls if line.startswith("state-")] == [
        "state-get --format=json",
        "state-set --file -",
    ]
    assert not (program.charm_dir / ".unit-state.db").exists()
    program.answer("state-get --format=json", program.input)
    assert program.run("hooks/update-status", COORDINATOR_STATE="commit").returncode == 0
    assert "status-set --application=False active -- config config" in program.calls
    assert [line for line in program.calls if line.startswith("state-")] == [
        "state-get --format=json",
        "state-set --file -",
        "state-delete Story/on/config_changed[1]",
    ]
