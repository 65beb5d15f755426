from charms.reactive import Endpoint, clear_flag, set_flag, when


class GreetingRequires(Endpoint):
    @when("endpoint.{endpoint_name}.changed.words")
    def changed(self):
        clear_flag(self.expand_name("endpoint.{endpoint_name}.changed.words"))
        set_flag(self.expand_name("{endpoint_name}.heard"))

    @property
    def heard(self):
        return sorted(f"{unit.unit_name}: {unit.received['words']['said']}" for unit in self.all_joined_units)
