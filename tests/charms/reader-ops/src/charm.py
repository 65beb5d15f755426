"""Reads the secret of the other application, and one of a person; writes down how long they are, never what."""

import ops


class Reader(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.take_relation_changed, self._related)
        framework.observe(self.on.config_changed, self._configured)
        framework.observe(self.on.secret_changed, self._changed)

    def _say(self, *words):
        with open(self.config["record"], "a") as record:
            record.write(" ".join([self.unit.name, *map(str, words)]) + "\n")

    def _related(self, event):
        secret_id = event.relation.data[event.app].get("secret")
        if secret_id:
            # The relation names it, so it may be read: they land together.
            content = self.model.get_secret(id=secret_id, label="peer").get_content()
            self._say("read", len(content["password"]))
        self.unit.status = ops.ActiveStatus()

    def _configured(self, event):
        secret_id = self.config.get("user-secret")
        if secret_id is None:
            return
        try:
            content = self.model.get_secret(id=str(secret_id), label="person").get_content()
        except ops.ModelError as error:
            self._say("config", "denied" if "permission denied" in str(error) else error)
        else:
            self._say("config", len(content["token"]))

    def _changed(self, event):
        before = event.secret.get_content()
        after = event.secret.get_content(refresh=True)
        self._say("changed", event.secret.label, *(len("".join(each.values())) for each in (before, after)))


ops.main(Reader)
