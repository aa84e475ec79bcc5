"""The house rules that a program can check. Each rule is a generator: tree in, findings out, nothing exempt by list.

A tree is a dict from path (relative, with slashes) to text; so the rules run the same on the repository and on the
planted violations of test_rules.py.
"""
import ast
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import NamedTuple

FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 110
README_LINES_MAX = 70
LAYERS = ("protocol", "core", "persistence", "app")
CPP_SUFFIXES = (".cpp", ".hpp")
TEXT_SUFFIXES = CPP_SUFFIXES + (
    ".md", ".py", ".json", ".ts", ".tsx", ".js", ".mjs", ".css", ".html", ".svelte", ".sql", ".toml", ".cmake", ".txt",
    ".sh", ".yml", ".yaml")


class Finding(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def load_repository(root):
    """The text files of the repository: tracked ones, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    tree = {}
    for path in sorted(set(filter(None, listed.split("\0")))):
        file = Path(root) / path
        if not file.is_file() or file.is_symlink():
            continue
        if file.suffix in TEXT_SUFFIXES or file.suffix == "":
            try:
                tree[path] = file.read_bytes().decode()
            except UnicodeDecodeError:
                if file.suffix in TEXT_SUFFIXES:
                    tree[path] = "\ufffd"
        else:
            tree[path] = ""
    return tree


def is_cpp(path):
    return path.endswith(CPP_SUFFIXES)


_CPP_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def code_of(text):
    """C++ text with comments and literals blanked; every line keeps its number and its columns."""
    return _CPP_TOKEN.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def without_preprocessor(code):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n[^\n]*)*", lambda found: re.sub(r"[^\n]", " ", found.group()), code,
                  flags=re.M)


# --- includes -------------------------------------------------------------------------------------------------------

def include_direction(tree):
    """A folder includes only what stands left of it in protocol, core, persistence, app."""
    for path, text in tree.items():
        layer = path.split("/")[0]
        if not is_cpp(path) or layer not in LAYERS:
            continue
        for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text, re.M):
            included = found.group(1)
            target = included.split("/")[0]
            line = line_at(text, found.start())
            if target == "tests":
                yield Finding(path, line, f"product code includes a test's header, {included}")
            elif target == "web":
                if layer != "app":
                    yield Finding(path, line, f"only app may know the console: {included}")
            elif target not in LAYERS:
                yield Finding(path, line, f'"{included}" is not written from the root of the tree')
            elif LAYERS.index(target) > LAYERS.index(layer):
                yield Finding(path, line, f"{layer} must not know {target}: {included}")


def beast_stays_in_net(tree):
    """Beast costs 20 s a file, so it has one folder; tests may use it as an independent peer."""
    for path, text in tree.items():
        if not is_cpp(path) or path.startswith(("app/net/", "tests/")):
            continue
        for found in re.finditer(r"^[ \t]*#[ \t]*include[ \t]*<boost/beast", text, re.M):
            yield Finding(path, line_at(text, found.start()), "Beast is included outside app/net")


def headers_are_guarded(tree):
    for path, text in tree.items():
        if path.endswith(".hpp") and "#pragma once" not in text:
            yield Finding(path, 1, "a header without #pragma once")


# --- calls ----------------------------------------------------------------------------------------------------------

_BANNED = [
    (re.compile(r"\bsleep_(?:for|until)\b|\bthis_thread::sleep|(?<![\w.>])u?sleep\s*\(|\bnanosleep\s*\("),
     "nothing sleeps: wait for a signal, or start a timer of the loop"),
    (re.compile(r"\basio::detached\b|\bdetached\s*\)|\.detach\s*\(\s*\)"),
     "nothing is detached: an owner (core::task_group) waits for what it started"),
    (re.compile(r"(?<![\w.>:])(?:std::|::)?system\s*\(\s*[^)\s]|\bpopen\s*\("), "no shell: start programs by argv"),
    (re.compile(r"\bstd::w?(?:regex|smatch|cmatch)\b|#\s*include\s*<regex>"),
     "std::regex crashes on long input: use RE2"),
]
_USING_NAMESPACE = re.compile(r"^[ \t]*using\s+namespace\s+[\w:]+\s*;", re.M)
_PYTHON_SLEEP = re.compile(r"\btime\.sleep\s*\(|\bfrom time import[^\n]*\bsleep\b")


def banned_calls(tree):
    for path, text in tree.items():
        if is_cpp(path):
            code = code_of(text)
            for pattern, why in _BANNED:
                for found in pattern.finditer(code):
                    yield Finding(path, line_at(code, found.start()), f"{found.group().strip()}: {why}")
            if path.endswith(".hpp"):
                for found in _USING_NAMESPACE.finditer(code):
                    yield Finding(path, line_at(code, found.start()), "a header opens a namespace for all who include it")
        elif path.endswith(".py") and not path.startswith("tests/tidy/"):
            for found in _PYTHON_SLEEP.finditer(text):
                yield Finding(path, line_at(text, found.start()), "nothing sleeps: wait for a signal with a deadline")


# --- fail points ----------------------------------------------------------------------------------------------------

_FAIL_POINT = re.compile(r"^[ \t]*GATEHOUSE_FAIL_POINT\((.*)\);", re.M)


def fail_points_are_told_apart(tree):
    """A fail point is one place of the program: its name, `part.what_happens`, stands in no second one."""
    places = {}
    for path, text in tree.items():
        if not is_cpp(path):
            continue
        for found in _FAIL_POINT.finditer(text):
            line, name = line_at(text, found.start()), found.group(1)
            if not re.fullmatch(r'"[a-z_]+\.[a-z_]+"', name):
                yield Finding(path, line, f"the fail point {name} is not named \"part.what_happens\"")
            elif path.endswith(".hpp"):
                yield Finding(path, line, f"the fail point {name} stands in a header, and so at many places")
            elif name in places:
                yield Finding(path, line, f"the fail point {name} stands at {places[name]} too")
            places.setdefault(name, f"{path}:{line}")


# --- function length ------------------------------------------------------------------------------------------------

_CLASS_LIKE = re.compile(r"(?:^|[\s>])(?:class|struct|union|enum|namespace|concept|requires)\b")
_EXTERN_C = re.compile(r"extern\s*$")


def _opens_function(head):
    """Whether a `{` at namespace or class scope after `head` (the text since the last ; { or }) opens a function."""
    head = re.sub(r"\boperator\s*[^\s\w(]+", "operator_", head.strip())
    outside = re.sub(r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", "()", head)
    outside = re.sub(r"template\s*<.*>(?=\s*[\w\[])", "", outside, flags=re.S)
    if "()" not in outside:
        return "[" in outside and "]" in outside and "=" in outside and outside.rstrip().endswith("]")
    if _CLASS_LIKE.match(outside) or _EXTERN_C.search(outside):
        return False
    if re.search(r"\]\s*(?:<.*>)?\s*\(\)[^=]*$", outside):
        return True  # a lambda with a name
    return not re.search(r"(?<![=!<>])=(?!=)", outside.split(") :")[0])


def _braces(code):
    """Every brace pair as (open offset, close offset, depth), in order of its end."""
    stack = []
    for found in re.finditer(r"[{}]", code):
        if found.group() == "{":
            stack.append(found.start())
        elif stack:
            start = stack.pop()
            yield start, found.start(), len(stack)


def _member_initialisers(code, start):
    """For `T() : a_{1}, b_{2} {`: whether the brace at `start` is one of an initialiser list."""
    before = code[:start].rstrip()
    return bool(re.search(r"[:,]\s*[\w:<>]+$", before)) and bool(re.search(r"\)[^;{}]*:\s*[^;]*$", before))


def functions_of(text):
    """The outermost functions of a C++ file as (line, lines that are code). Lines inside brace groups without a
    semicolon are data, a table, and don't count."""
    code = without_preprocessor(code_of(text))
    pairs = sorted(_braces(code))
    closed_until = -1
    for start, end, _ in pairs:
        if start < closed_until:
            continue
        head_from = max(code.rfind(mark, 0, start) for mark in ";{}")
        head = code[head_from + 1:start]
        if _member_initialisers(code, start):
            continue
        if not _opens_function(head):
            # A brace after `= ` or a type opens data; whatever stands in it is no function of ours.
            if re.search(r"=\s*$", head):
                closed_until = end
            continue
        closed_until = end
        data_lines = set()
        for inner_start, inner_end, _ in pairs:
            if start < inner_start < inner_end < end and ";" not in code[inner_start:inner_end]:
                data_lines.update(range(line_at(code, inner_start) + 1, line_at(code, inner_end)))
        first, last = line_at(code, start), line_at(code, end)
        yield first, last - first + 1 - len(data_lines)


def function_length(tree):
    for path, text in tree.items():
        if is_cpp(path):
            for line, lines in functions_of(text):
                if lines > FUNCTION_LINES_MAX:
                    yield Finding(path, line, f"a function of {lines} lines; {FUNCTION_LINES_MAX} are the most")
        elif path.endswith(".py"):
            for node in ast.walk(ast.parse(text, path)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    lines = node.end_lineno - node.lineno + 1
                    if lines > FUNCTION_LINES_MAX:
                        yield Finding(path, node.lineno, f"{node.name} has {lines} lines; {FUNCTION_LINES_MAX} are the most")


# --- files ----------------------------------------------------------------------------------------------------------

def migration_pairs(tree):
    """Each migration stands for both databases under one number and name, and numbers have no holes."""
    folders = {"sqlite": set(), "postgres": set()}
    for path in tree:
        found = re.fullmatch(r"persistence/migrations/(sqlite|postgres)/(.+)", path)
        if found and found.group(2) != "README.md":
            folders[found.group(1)].add(found.group(2))
    for mine, other in (("sqlite", "postgres"), ("postgres", "sqlite")):
        for name in sorted(folders[mine] - folders[other]):
            yield Finding(f"persistence/migrations/{mine}/{name}", 1, f"has no pair in {other}")
        numbers = []
        for name in sorted(folders[mine]):
            found = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", name)
            if not found:
                yield Finding(f"persistence/migrations/{mine}/{name}", 1, "is not named NNNN_name.sql")
            else:
                numbers.append(int(found.group(1)))
        if numbers != list(range(1, len(numbers) + 1)):
            yield Finding(f"persistence/migrations/{mine}", 1, f"numbers are not 1, 2, 3 …: {numbers}")


def readme_per_folder(tree):
    """Every folder says what it is for, on one screen: the top ones, and in the tree of code those below them."""
    folders = set()
    for path in tree:
        parts = PurePosixPath(path).parts
        if parts[0].startswith(".") or len(parts) < 2:
            continue
        folders.add(parts[0])
        if len(parts) > 2 and parts[0] in LAYERS + ("schemas", "tests"):
            folders.add("/".join(parts[:2]))
    for folder in sorted(folders):
        readme = tree.get(f"{folder}/README.md")
        if readme is None:
            yield Finding(f"{folder}/README.md", 1, "is missing: what the folder is for, where to start, how to add one more")
        elif not readme.startswith("# "):
            yield Finding(f"{folder}/README.md", 1, "does not begin with a heading")
        elif readme.count("\n") > README_LINES_MAX:
            yield Finding(f"{folder}/README.md", 1, f"is longer than a screen ({README_LINES_MAX} lines)")


_EMPTY_WORDS = {"helper", "helpers", "util", "utils", "common", "misc", "manager", "managers"}
_TYPE_NAME = re.compile(r"\b(?:class|struct|namespace|enum class|concept)\s+([A-Za-z_][\w:]*)")


def names_say_something(tree):
    for path, text in tree.items():
        for part in PurePosixPath(path).parts:
            for word in re.split(r"[^A-Za-z0-9]+", part):
                if word.lower() in _EMPTY_WORDS:
                    yield Finding(path, 1, f"'{word}' says nothing: split by noun")
        if is_cpp(path):
            code = code_of(text)
            for found in _TYPE_NAME.finditer(code):
                for word in re.split(r"_|:+", found.group(1)):
                    if word.lower() in _EMPTY_WORDS:
                        yield Finding(path, line_at(code, found.start()), f"{found.group(1)}: '{word}' says nothing")


_GENERATED_MARK = re.compile(r"(?:@generated\b|\bDO NOT EDIT\b|\b[Gg]enerated (?:by|from) [\w./]+)")


def generated_is_not_kept(tree):
    """What the build makes is not kept beside its source."""
    for path, text in tree.items():
        parts = PurePosixPath(path).parts
        if {"node_modules", "dist", "build", "__pycache__"} & set(parts[:-1]) or path.endswith(".pyc"):
            yield Finding(path, 1, "is made by a build and must not be kept")
        elif path.endswith(CPP_SUFFIXES + (".ts", ".sql")):
            opening = "\n".join(text.split("\n")[:3])
            if _GENERATED_MARK.search(opening) and re.search(r"^\s*(?://|--|/\*)\s*(?:@|DO NOT|Generated)", opening, re.M):
                yield Finding(path, 1, "says that it was generated; generate it at build time")


def clean_text(tree):
    for path, text in tree.items():
        if path == "LICENSE" or text == "":
            continue
        if "\ufffd" in text and not path.startswith("tests/"):
            yield Finding(path, 1, "is not UTF-8")
        if not text.endswith("\n"):
            yield Finding(path, text.count("\n") + 1, "does not end with a line end")
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                yield Finding(path, number, "a tab")
            if line != line.rstrip():
                yield Finding(path, number, "a blank at the end of the line")


def line_length(tree):
    """Long lines in C++ are allowed only where a literal or an address can't be broken."""
    for path, text in tree.items():
        if not is_cpp(path):
            continue
        for number, (line, code) in enumerate(zip(text.split("\n"), code_of(text).split("\n")), 1):
            if len(line) <= COLUMNS_MAX or "http" in line:
                continue
            literals = sum(len(found) for found in re.findall(r'"(?:\\.|[^"\\])*"', line))
            if "//" in line or len(line) - literals > COLUMNS_MAX or code.strip() and literals < 20:
                yield Finding(path, number, f"{len(line)} columns; {COLUMNS_MAX} are the most")


RULES = [
    include_direction, beast_stays_in_net, headers_are_guarded, banned_calls, fail_points_are_told_apart, function_length,
    migration_pairs, readme_per_folder, names_say_something, generated_is_not_kept, clean_text, line_length,
]
