"""Wall clocks that are wrong: an hour fast, an hour slow, and one that jumps between the two."""
import contextlib
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "support/wrong_clock.c"
CLOCKS = ({"WRONG_CLOCK_SECONDS": "3600"}, {"WRONG_CLOCK_SECONDS": "-3600"},
          {"WRONG_CLOCK_SECONDS": "3600", "WRONG_CLOCK_STEPS_EVERY": "7"})


@contextlib.contextmanager
def wrong_clocks(scene):
    library = scene.directory / "wrong_clock.so"
    subprocess.run(["clang-19", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True, timeout=60)
    for each, clock in zip(scene.cluster.instances, CLOCKS):
        each.surroundings = {"LD_PRELOAD": str(library), **clock}
    yield
