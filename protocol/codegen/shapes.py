"""What a schema becomes: the shapes that the writers (C++, TypeScript) turn into text."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scalar:
    # string, integer, number, boolean, timestamp, value (any JSON), object (free-form), array (free-form)
    kind: str


@dataclass(frozen=True)
class Union:
    kinds: tuple  # JSON types; in C++ simply any value


@dataclass(frozen=True)
class Named:
    name: str  # a type of its own, schemas/types/<name>.json


@dataclass(frozen=True)
class ListOf:
    item: object


@dataclass(frozen=True)
class MapOf:
    item: object


@dataclass
class Enum:
    values: list


@dataclass
class Member:
    json_name: str
    shape: object
    required: bool
    default: object  # None: no default, since null can't be one
    description: str


@dataclass
class Struct:
    """`inner` names the struct inside its parent where it has no file of its own; None at the top."""

    members: list
    inner: str = None


@dataclass
class NamedType:
    name: str
    path: str  # "types/run.json"
    schema: dict
    shape: object
    references: list = field(default_factory=list)  # names of the types it uses, in order, each once


@dataclass
class Method:
    name: str
    path: str
    document: dict  # with what the generator added
    params: object
    result: object  # None for a notification
    params_references: list
    result_references: list

    @property
    def cpp_name(self):
        return self.name.replace(".", "_")


@dataclass
class Payload:
    name: str  # "run.state_changed", "tool_call"
    path: str
    schema: dict
    shape: object
    references: list
