#!/usr/bin/env python3
"""Runs console_test.mjs: the console in a real browser against a real gateway and its reference node.

The script asks by JSON lines for what a person would do in a terminal: start, kill -9 and start the gateway, start a node.
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import canonical  # noqa: E402
import gateway as gateways  # noqa: E402
import with_postgres  # noqa: E402

FILES = ("package.json", "package-lock.json", "console_test.mjs")


def install_packages(folder):
    """playwright-core, as the lock file says, in the build's folder, where the script can find it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, folder)
    installed = folder / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True)
        installed.touch()


class Machine:
    """What the script may ask for."""

    def __init__(self, packages):
        self.packages = packages
        self.gateway = gateways.Gateway().start()
        self.node = None

    def begin(self):
        executable = shutil.which("chromium") or sys.exit("browser: chromium was not found; run ./dev setup.")
        return {"link": f"http://{self.gateway.address}/#token={self.gateway.token}", "chromium": executable,
                "pictures": str(self.packages)}

    def start_node(self, invite):
        root = self.gateway.directory / "node-files"
        root.mkdir()
        self.node = subprocess.Popen(
            [gateways.Settings.gatehouse, "node", "--gateway", f"ws://{self.gateway.address}", "--root", str(root), "--data",
             str(self.gateway.directory / "node-data"), "--label", "this-machine"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(self.gateway.directory), "GATEHOUSE_INVITE": invite},
            preexec_fn=with_postgres.die_with_parent)
        return {}

    def kill(self):
        self.gateway.kill()
        return {}

    def start(self):
        self.gateway.start()
        return {}

    def verify(self, run):
        """The run's tape by the independent oracle."""
        items = self.gateway.call("run.tape", {"run_id": run, "limit": 1000})["items"]
        canonical.check_tape(items)
        assert self.gateway.call("run.get", {"run_id": run})["state"] == "succeeded"
        assert self.gateway.call("run.verify", {"run_id": run})["ok"]
        return {"items": len(items)}

    def stop(self):
        if self.node is not None:
            self.node.terminate()
            self.node.wait(10)
        self.gateway.stop()


def run(packages):
    machine = Machine(packages)
    script = subprocess.Popen(["node", "console_test.mjs"], cwd=packages, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, preexec_fn=with_postgres.die_with_parent)
    try:
        for line in script.stdout:
            request = json.loads(line)
            answer = getattr(machine, request.pop("what").replace(" ", "_"))(**request)
            script.stdin.write(json.dumps(answer) + "\n")
            script.stdin.flush()
        status = script.wait(30)
        if status != 0:
            print(machine.gateway.log(), file=sys.stderr)
        return status
    finally:
        script.kill()
        script.wait()
        machine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gatehouse", default=gateways.Settings.gatehouse)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--packages", default=str(gateways.ROOT / "build/browser-packages"))
    options = parser.parse_args()
    gateways.Settings.gatehouse = os.path.abspath(options.gatehouse)
    gateways.Settings.store = options.store
    packages = Path(options.packages)
    install_packages(packages)
    with contextlib.ExitStack() as stack:
        if options.store == "postgres":
            gateways.Settings.postgres = stack.enter_context(with_postgres.private_server())
        return run(packages)


if __name__ == "__main__":
    sys.exit(main())
