from charms.reactive import Endpoint, clear_flag, set_flag, when


class GreetingProvides(Endpoint):
    @when("endpoint.{endpoint_name}.joined")
    def joined(self):
        set_flag(self.expand_name("{endpoint_name}.ready"))

    @when("endpoint.{endpoint_name}.departed")
    def departed(self):
        clear_flag(self.expand_name("endpoint.{endpoint_name}.departed"))
        if not self.is_joined:
            clear_flag(self.expand_name("{endpoint_name}.ready"))

    def say(self, words):
        for relation in self.relations:
            relation.to_publish["words"] = {"said": words}
