"""What one peer knows, on disk before its next step."""
import json
import threading
import time


class Journal:
    """A file of JSON lines, written to by the threads of one peer."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()

    def note(self, what, **facts):
        line = json.dumps({"what": what, "at_ms": int(time.time() * 1000), **facts})
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()

    def note_refusal(self, method, error, **facts):
        """`error`: the gateway's answer to a call."""
        self.note("refused", method=method, kind=error.data.get("kind"), retryable=bool(error.data.get("retryable")),
                  message=error.message, **facts)


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
