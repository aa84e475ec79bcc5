"""Faults at the n-th system call, by strace: a second way to them, that knows nothing of the program."""
import contextlib
import signal
import subprocess

# What leaves the process: frames and answers, and on the way to the store what libpq or SQLite does.
CALLS = {"sqlite": ("sendmsg", "pwrite64", "fdatasync"), "postgres": ("sendmsg", "sendto")}


def killed_at(call, nth):
    """What stands before a command line so that any thread's n-th such call is its process's last."""
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:signal=KILL:when={nth}"]


@contextlib.contextmanager
def failing_syncs(pid, every):
    """Each so many-th fdatasync of a running process says EIO."""
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", "trace=fdatasync,fsync",
         "-e", f"inject=fdatasync,fsync:error=EIO:when={every}+{every}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(10)
