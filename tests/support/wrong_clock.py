"""Processes whose wall clock is wrong, and that of no other is (wrong_clock.c)."""
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def environment(directory, seconds, steps_every=None):
    """What such a process finds in its environment; the library is built into `directory`."""
    library = Path(directory) / "wrong_clock.so"
    if not library.exists():
        subprocess.run(["clang-19", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True, timeout=60)
    steps = {"WRONG_CLOCK_STEPS_EVERY": str(steps_every)} if steps_every else {}
    return {"LD_PRELOAD": str(library), "WRONG_CLOCK_SECONDS": str(seconds), **steps}
