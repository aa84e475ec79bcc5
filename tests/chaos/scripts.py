"""What runs are made of: texts for the demo model, each with a marker that stands in no other."""
import json
from typing import NamedTuple


class Mixture(NamedTuple):
    """How often each operation of a node, and each line, comes."""
    operations: dict
    lines: dict
    groups_max: int


EVERYTHING = Mixture(
    {"act": 6, "slow": 4, "look": 2, "guarded": 2, "forget": 1, "banned": 0.5},
    {"one_call": 6, "parallel_calls": 2, "sleep": 2, "transient": 1, "permanent": 0.2}, 4)
SHORT = Mixture({"act": 1}, {"one_call": 1}, 1)
APPROVALS = Mixture({"guarded": 4, "act": 1}, {"one_call": 2, "parallel_calls": 1}, 2)


class Script:
    def __init__(self, random, mixture, marker, labels):
        self.random, self.mixture, self.marker, self.labels = random, mixture, marker, labels
        self.calls = 0

    def text(self):
        lines = [f"/say {self.marker}"]
        for _ in range(self.random.randint(0, self.mixture.groups_max)):
            lines += getattr(self, self.pick(self.mixture.lines))()
        return "\n".join(lines)

    def pick(self, weights):
        return self.random.choices(list(weights), list(weights.values()))[0]

    def one_call(self):
        name = self.pick(self.mixture.operations)
        self.calls += 1
        arguments = {"key": f"{self.marker}.{self.calls}", "node": self.random.choice(self.labels)}
        return [f"/call node__world__{name} {json.dumps(arguments)}"]

    def parallel_calls(self):
        count = self.random.randint(2, 4)
        return [f"/parallel {count}"] + [line for _ in range(count) for line in self.one_call()]

    def sleep(self):
        return [f"/sleep {self.random.randint(20, 400)}"]

    def transient(self):
        return ["/fail transient 1"]

    def permanent(self):
        return ["/fail permanent"]
