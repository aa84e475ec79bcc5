"""A network of their own for the instances of a run: each in a network namespace, wired to a bridge."""
import contextlib
import os
import re
import subprocess

# How one instance can be cut off: from whom, and what is lost. Both ways is a link that is down; one way is a route that
# leads nowhere.
WAYS = ("link", "to_store", "to_peers", "to_instance")


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def is_possible():
    """Whether this user may make namespaces here."""
    name = f"gatehouse-{os.getpid()}"
    try:
        return ip("netns", "add", name, check=False) == 0 and ip("netns", "exec", name, "true", check=False) == 0
    except FileNotFoundError:
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            ip("netns", "del", name, check=False)


class Network:
    """The store and the peers are at addresses of the bridge, each instance at its own."""

    def __init__(self, count):
        self.name = f"gh{os.getpid()}"
        self.prefix = f"10.213.{os.getpid() % 256}"
        self.store, self.peers = f"{self.prefix}.1", f"{self.prefix}.2"
        self.numbers = range(1, count + 1)

    def namespace(self, number):
        return f"{self.name}-{number}"

    def link(self, number):
        return f"{self.name}v{number}"

    def address(self, number):
        return f"{self.prefix}.{10 + number}"

    def __enter__(self):
        ip("link", "add", self.name, "type", "bridge")
        for each in (self.store, self.peers):
            ip("addr", "add", f"{each}/24", "dev", self.name)
        ip("link", "set", self.name, "up")
        for number in self.numbers:
            there, link = self.namespace(number), self.link(number)
            ip("netns", "add", there)
            ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", there)
            ip("link", "set", link, "master", self.name, "up")
            ip("-n", there, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", there, "link", "set", device, "up")
        return self

    def __exit__(self, *_):
        for number in self.numbers:
            ip("netns", "del", self.namespace(number), check=False)
        ip("link", "del", self.name, check=False)

    @contextlib.contextmanager
    def cut(self, number, way):
        there = ("-n", self.namespace(number))
        begin, end = {
            "link": (("link", "set", self.link(number), "down"), ("link", "set", self.link(number), "up")),
            "to_store": self._lost(there, self.store),
            "to_peers": self._lost(there, self.peers),
            "to_instance": self._lost((), self.address(number)),
        }[way]
        ip(*begin)
        try:
            yield
        finally:
            ip(*end)

    @staticmethod
    def _lost(where, address):
        return (*where, "route", "add", "blackhole", address), (*where, "route", "del", "blackhole", address)


@contextlib.contextmanager
def own_network(scene):
    """Where namespaces can't be made, the proxies fail instead."""
    cluster = scene.cluster
    if not is_possible():
        print("no network namespaces here (root and iproute2 are needed): the proxies cut and hold back instead", flush=True)
        yield
        return
    with Network(len(cluster.instances)) as network, cluster.server.listening_at(network.store, f"{network.prefix}.0/24"):
        for each in cluster.instances:
            each.host = each.front.target_host = network.address(each.number)
            each.front.source_host = network.peers
            each.place = ["ip", "netns", "exec", network.namespace(each.number)]
            each.store = re.sub(r"@[^/]+/", f"@{network.store}:{cluster.server.port}/", each.store)
            with open(each.directory / "gatehouse.toml", "a", encoding="utf-8") as config:
                config.write(f'behind_proxy = "{network.peers}"\n')
        scene.network = network
        yield
