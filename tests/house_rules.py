"""The house rules that neither linter nor type checker can hold, as functions over one file.

Each rule takes one file and gives one sentence per breach. It knows nothing of pytest or of which
files exist: `test_architecture.py` applies the rules to the tree, and to forged files to show that
each rule can fail.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

BANNED_NAME_WORDS = frozenset(
    {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)

PURE_FOLDERS = ("state/certificate/", "state/correlation/", "state/pool/")

# All that a pure module may import beside `state` itself. None of these knows the time, chance, or
# the world outside.
PURE_IMPORTS = frozenset(
    {
        "__future__",
        "abc",
        "bisect",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "heapq",
        "itertools",
        "operator",
        "re",
        "string",
        "types",
        "typing",
    }
)

# Builtins that reach the world, or (hash, id) answer differently in another process and so break a
# replay.
IMPURE_BUILTINS = frozenset({"__import__", "eval", "exec", "hash", "id", "input", "open", "print"})

# Paths of somebody's own machine. Spelled so that this file does not contain what it forbids.
FORBIDDEN_TEXT = re.compile(
    rb"/(?:root|work)/|/tmp/(?:exp|scratch)\b|/home/[a-z][\w.-]*/|/Users/[A-Za-z][\w.-]*/"
)

IGNORE_COMMENT = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore|pragma:\s*no (?:cover|branch))(?P<rest>.*)$"
)
IGNORE_CODES = re.compile(r"^(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*|\[[\w\-, ]+\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One Python file: its path from the repository's root with forward slashes, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parse(self.text, self.path)

    @property
    def is_pure(self) -> bool:
        return self.path.startswith(PURE_FOLDERS)


@lru_cache(maxsize=4)
def _parse(text: str, path: str) -> ast.Module:
    return ast.parse(text, filename=path)


def file_is_short(source: SourceFile) -> Iterator[str]:
    """A file stops at `FILE_LINES_MAX` lines."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{source.path}: {lines} lines, at most {FILE_LINES_MAX}"


def functions_are_short(source: SourceFile) -> Iterator[str]:
    """A function's body, without its docstring, stops at `FUNCTION_LINES_MAX` lines."""
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        lines = (node.end_lineno or node.lineno) - body[0].lineno + 1 if body else 0
        if lines > FUNCTION_LINES_MAX:
            where = f"{source.path}:{node.lineno}"
            yield f"{where}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def name_says_what_it_holds(source: SourceFile) -> Iterator[str]:
    """No file or folder is named after the absence of a better idea."""
    words = re.split(r"[/_.]", source.path.removesuffix(".py").lower())
    for word in sorted(BANNED_NAME_WORDS.intersection(words)):
        yield f"{source.path}: '{word}' says nothing about what the file holds"


def module_says_what_it_owns(source: SourceFile) -> Iterator[str]:
    """Every module begins with a docstring."""
    if ast.get_docstring(source.tree) is None:
        yield f"{source.path}: no module docstring"


def only_the_runtime_catches_everything(source: SourceFile) -> Iterator[str]:
    """A bug stops the worker; the one place that may keep it from doing so is the runtime.

    Cleaning up is no keeping: `except BaseException` that ends in a bare `raise` is allowed.
    """
    if source.path.startswith("pipelines/runtime"):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = _caught_names(node.type)
        cleans_up = caught == {"BaseException"} and ast.unparse(node.body[-1]) == "raise"
        if caught & {"BaseException", "Exception"} and not cleans_up:
            yield f"{source.path}:{node.lineno}: catches every exception"


def _caught_names(caught: ast.expr | None) -> set[str]:
    match caught:
        case None:
            return {"Exception"}
        case ast.Tuple(elts=elements):
            return {name for element in elements for name in _caught_names(element)}
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case _:
            return set()


def every_ignore_has_a_code_and_a_reason(source: SourceFile) -> Iterator[str]:
    """What is silenced is named, and the comment goes on to say why."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        found = IGNORE_COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
        if found is None:
            continue
        number = token.start[0]
        rest = found["rest"]
        codes = IGNORE_CODES.match(rest)
        if codes is None and not found["kind"].startswith("pragma"):
            yield f"{source.path}:{number}: {found['kind']} without a code"
        elif len(re.findall(r"\w+", rest[codes.end() if codes else 0 :])) < 2:
            yield f"{source.path}:{number}: {found['kind']} without a reason"


def pure_imports_are_allowed(source: SourceFile) -> Iterator[str]:
    """A pure module imports a few modules of the standard library, and `state`."""
    if not source.is_pure:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module):
                modules = [module or "."]
            case _:
                continue
        for module in modules:
            top = module.split(".")[0]
            if top != "state" and top not in PURE_IMPORTS:
                kind = "standard" if top in sys.stdlib_module_names else "foreign"
                yield f"{source.path}:{node.lineno}: imports the {kind} module {module}"


def pure_code_calls_nothing_impure(source: SourceFile) -> Iterator[str]:
    """A pure module opens, prints and evaluates nothing, and leans on no per-process identity."""
    if not source.is_pure:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_BUILTINS:
                yield f"{source.path}:{node.lineno}: calls {name}"


def pure_code_has_no_float(source: SourceFile) -> Iterator[str]:
    """Money, counts and times are integers: no float literal, no `float`, no true division."""
    if not source.is_pure:
        return
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield f"{source.path}:{node.lineno}: the number {value} is no integer"
            case ast.Name(id="float"):
                yield f"{source.path}:{node.lineno}: names float"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield f"{source.path}:{node.lineno}: true division gives a float, use //"


def pure_records_are_frozen(source: SourceFile) -> Iterator[str]:
    """Every dataclass of the domain is frozen, slotted and keyword-only."""
    if not source.is_pure:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            missing = sorted({"frozen", "kw_only", "slots"} - _flags_set(decorator))
            if _is_dataclass(decorator) and missing:
                yield f"{source.path}:{node.lineno}: {node.name} is not {', '.join(missing)}"


def _is_dataclass(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=called):
            return _is_dataclass(called)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "dataclass"
        case _:
            return False


def _flags_set(decorator: ast.expr) -> set[str]:
    match decorator:
        case ast.Call(keywords=keywords):
            return {
                keyword.arg
                for keyword in keywords
                if keyword.arg and isinstance(keyword.value, ast.Constant) and keyword.value.value
            }
        case _:
            return set()


RULES: tuple[Callable[[SourceFile], Iterator[str]], ...] = (
    file_is_short,
    functions_are_short,
    name_says_what_it_holds,
    module_says_what_it_owns,
    only_the_runtime_catches_everything,
    every_ignore_has_a_code_and_a_reason,
    pure_imports_are_allowed,
    pure_code_calls_nothing_impure,
    pure_code_has_no_float,
    pure_records_are_frozen,
)


def breaches_in(source: SourceFile) -> list[str]:
    """Every breach of every rule in one file, in the order of `RULES`."""
    return [breach for rule in RULES for breach in rule(source)]
