"""What goes wrong below SQLite: a full disk, a disk that fails, a file that another process has locked."""
import contextlib
import shutil
import sqlite3
import subprocess

DISK_MIB = 192


@contextlib.contextmanager
def small_disk(scene):
    """A disk of its own, in memory, under the store of a run; what was on it stays when it is gone."""
    place = scene.cluster.store_directory
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", place], check=True)
    try:
        yield
    finally:
        kept = scene.directory / "disk"
        shutil.copytree(place, kept, ignore=shutil.ignore_patterns("ballast"))
        subprocess.run(["umount", "--lazy", place], check=False)


class Ballast:
    """Takes all the room there is."""

    def __init__(self, directory):
        self.path = directory / "ballast"

    def __enter__(self):
        with contextlib.suppress(OSError), open(self.path, "wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2
        return self

    def __exit__(self, *_):
        self.path.unlink()


@contextlib.contextmanager
def locked_database(path):
    """Somebody else writes, and doesn't come to an end."""
    with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
