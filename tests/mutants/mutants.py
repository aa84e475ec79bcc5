"""The planted defects of mutants.toml: reading them, planting one, and whether its test finds it."""
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEST_SECONDS_MAX = 600


@dataclass
class Mutant:
    name: str
    file: str
    text: str
    put: str
    test: str
    postgres: bool = False

    @property
    def target(self):
        """The program that is expected to find it."""
        return shlex.split(self.test)[0]

    def occurrences(self, root):
        return (root / self.file).read_text().count(self.text)

    def plant(self, root):
        path = root / self.file
        path.write_text(path.read_text().replace(self.text, self.put, 1))


def load():
    with open(HERE / "mutants.toml", "rb") as file:
        return [Mutant(**each) for each in tomllib.load(file)["mutant"]]


def run_test(mutant, root, build):
    """True: the test passed, so the defect was not found. A test that hangs has found it."""
    program, *arguments = shlex.split(mutant.test)
    command = [str(build / "tests" / program), *arguments]
    if mutant.postgres:
        command = [sys.executable, str(root / "tests/support/with_postgres.py"), "--", *command]
    try:
        done = subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=TEST_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
