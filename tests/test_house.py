"""The shape of the house: which room may import which, where its tests are, and where flags are branches.

Read from the sources of this checkout, whatever was built of them. Nothing is imported.
"""

import ast
import fnmatch
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "opentracker"

# Rooms from the innermost to the outermost: each may import itself and those before it.
ROOMS = ["protocol", "swarm", "config", "features", "server", "front"]
FRONT = {
    "__main__",
    "bridge",
    "check",
    "cli",
    "control",
    "daemon",
    "debug",
    "plan",
}  # the programs: beside the rooms, or a room of their own
CLIENTS = {"check.exchange", "control.__main__"}  # programs that ask a tracker
ANYWHERE = {"errors", "_features", "build_info"}

# The clock, the random source and the limits come in as arguments, sockets not at all.
PURE_ROOMS = {"protocol", "swarm"}
FORBIDDEN = {"asyncio", "logging", "os", "random", "secrets", "select", "selectors", "socket", "time"}

FEATURES = tomllib.loads((TESTS.parent / "features.toml").read_text(encoding="utf-8"))
WIRING = "server.wiring"  # joins features to the rest


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_features.py")


def name_of(path: Path) -> str:
    """`server.udp.sockets`, `cli`, or a folder's own name for its `__init__`; the package's is empty."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


MODULES = {name_of(path): path for path in modules()}
NAMES = sorted(MODULES)


def room_of(module: str) -> str:
    """The room a module is in; a module beside the rooms is a room of its own, but for the front."""
    first = module.partition(".")[0]
    return "front" if first in FRONT else first


def imported(module: str) -> Iterator[tuple[str, int]]:
    """All that a module imports, by its whole name, and the line. Conditional imports and those in functions count."""
    for node in ast.walk(tree_of(MODULES[module])):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                own = whole.removeprefix("opentracker.")
                yield whole if own in MODULES or own == "_features" else node.module, node.lineno


def imported_modules(module: str) -> Iterator[tuple[str, int]]:
    """The modules of the package that a module imports."""
    for name, line in imported(module):
        if name.partition(".")[0] == "opentracker":
            yield name.partition(".")[2], line


# ---- Imports -----------------------------------------------------------------------------------------------


def test_the_walk_sees_the_house() -> None:
    assert {"protocol.udp", "swarm.tracker", "server.wiring", "cli", "errors", "__main__"} <= set(NAMES)
    assert "swarm.tracker" not in {name for name, _ in imported_modules("protocol.udp")}
    assert "protocol.messages" in {name for name, _ in imported_modules("swarm.tracker")}
    assert len(NAMES) > 25


@pytest.mark.parametrize("module", NAMES)
def test_imports_go_one_way(module: str) -> None:
    room = room_of(module)
    for name, line in imported_modules(module):
        assert module != "errors", "errors know nothing of the rest"
        if name in ANYWHERE or room_of(name) == room:
            continue
        assert room in ROOMS, f"{module}:{line} imports {name}, and is itself for all rooms to import"
        if room_of(name) in ROOMS:
            assert ROOMS.index(room_of(name)) < ROOMS.index(room), f"{module}:{line} imports {name}"
        else:
            assert room in ("server", "front"), f"{module}:{line} imports {name}"


@pytest.mark.parametrize("module", [name for name in NAMES if room_of(name) in PURE_ROOMS])
def test_protocol_and_swarm_see_no_socket_clock_or_chance(module: str) -> None:
    for name, line in imported(module):
        assert name.partition(".")[0] not in FORBIDDEN, f"{module}:{line} imports {name}"


def test_only_the_server_opens_sockets() -> None:
    for module in NAMES:
        if room_of(module) != "server" and module not in CLIENTS:
            assert not {"socket", "selectors", "select"} & {name for name, _ in imported(module)}, module


def test_there_is_no_cycle() -> None:
    graph = {
        module: {name for name, _ in imported_modules(module) if name in MODULES} - {module}
        for module in NAMES
    }
    while graph:
        free = [module for module, needed in graph.items() if not needed & graph.keys()]
        assert free, f"these import each other: {sorted(graph)}"
        for module in free:
            del graph[module]


def test_flags_are_imported_by_name() -> None:
    """Only then can a build leave out what is behind them."""
    for module in NAMES:
        for node in ast.walk(tree_of(MODULES[module])):
            if isinstance(node, ast.Import):
                assert all("_features" not in alias.name for alias in node.names), f"{module}:{node.lineno}"
            if isinstance(node, ast.ImportFrom):
                taken = [alias.name for alias in node.names]
                assert "_features" not in taken, f"{module}:{node.lineno}"
                assert "*" not in taken, f"{module}:{node.lineno}"


def test_only_wiring_and_the_front_import_features() -> None:
    """A feature with a socket has its second half in `server/`, which belongs to a flag as a whole.

    `features.feature` is the form of a feature, which both halves have. Elsewhere a feature is a branch on its flag, or
    comes in as an argument.
    """
    for module in NAMES:
        if room_of(module) in ("features", "front") or module == WIRING or owners(module):
            continue
        for name, line in imported_modules(module):
            assert room_of(name) != "features" or name == "features.feature", (
                f"{module}:{line} imports {name}"
            )


# ---- State -------------------------------------------------------------------------------------------------

MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"}
MUTATING = {
    "add",
    "append",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
}


def is_mutable(value: ast.expr | None) -> bool:
    """Whether an expression is plainly a new mutable object."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in MUTABLE_CALLS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements outside of functions and classes, those under an `if` as well."""
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        statement = todo.pop()
        yield statement
        if isinstance(statement, ast.If):
            todo += statement.body + statement.orelse


def functions(tree: ast.AST) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Outermost functions and methods with their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for name, function in functions(node):
                yield f"{node.name}.{name}", function
        else:
            yield from functions(node)


def changed_names(function: ast.AST) -> Iterator[tuple[str, int]]:
    """Names whose object a function plainly changes: items stored or deleted, or a mutating method called."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            if isinstance(node.value, ast.Name):
                yield node.value.id, node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING:
            if isinstance(node.func.value, ast.Name):
                yield node.func.value.id, node.lineno


@pytest.mark.parametrize("module", NAMES)
def test_no_state_is_kept_in_a_module(module: str) -> None:
    """No `global`; tables are Final, and no function changes one."""
    tree = tree_of(MODULES[module])
    tables = set()
    for statement in module_level(tree):
        if isinstance(statement, ast.Assign):
            assert not is_mutable(statement.value), (
                f"{module}:{statement.lineno}: a mutable value is not Final"
            )
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if is_mutable(statement.value):
                tables.add(statement.target.id)
                assert "Final" in ast.unparse(statement.annotation), f"{module}:{statement.lineno}: not Final"
    for name, function in functions(tree):
        assert not [node for node in ast.walk(function) if isinstance(node, ast.Global)], f"{module}:{name}"
        own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and is_stored(node)}
        own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        for changed, line in changed_names(function):
            assert changed in own or changed not in tables, f"{module}:{line}: {name} changes {changed}"


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


# Modules of the store that other packages may import: its interface, and the formats of torrents in calls of it.
DOORS = {f"swarm.store.{name}" for name in ("door", "engine", "peers", "records", "rows")}


def test_torrents_are_asked_for_by_the_door() -> None:
    """How a torrent is laid out is known to its store alone."""
    for module in NAMES:
        if module.startswith("swarm.store"):
            continue
        for name, line in imported_modules(module):
            assert not name.startswith("swarm.store.") or name in DOORS, f"{module}:{line} imports {name}"


# ---- Generators --------------------------------------------------------------------------------------------


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions within it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from own_nodes(node)


def holds_something(function: ast.AST) -> bool:
    """Whether a generator has a `finally` or a `with` around one of its yields."""
    guards = [
        node
        for node in own_nodes(function)
        if isinstance(node, ast.With) or (isinstance(node, ast.Try) and node.finalbody)
    ]
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for guard in guards for each in own_nodes(guard))


def is_run_to_its_end(loop: ast.For) -> bool:
    """Whether a `for` leaves its generator in no other way than by an error."""
    body = [each for statement in loop.body for each in [statement, *own_nodes(statement)]]
    return not any(isinstance(each, ast.Break | ast.Return | ast.Yield | ast.YieldFrom) for each in body)


def holders_in(module: str) -> set[str]:
    """The names of a module's own generators that hold a resource."""
    return {
        f"self.{name.rpartition('.')[2]}" if "." in name else name
        for name, function in functions(tree_of(MODULES[module]))
        if holds_something(function)
    }


# Functions that close the generators that they are given, or pass them to one that does.
CLOSERS = {"self.start", "start", "self.send"}


def is_closed(made: ast.AST, tree: ast.Module, closers: set[str]) -> bool:
    """Whether a generator, or a name for one, is run to its end, closed, or handed to whoever closes it."""
    text = ast.unparse(made)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{text}.close":
            return True
        if not any(ast.unparse(child) == text for child in ast.iter_child_nodes(node)):
            continue
        if isinstance(node, ast.YieldFrom | ast.Return):
            return True
        if isinstance(node, ast.For) and is_run_to_its_end(node):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) in closers:
            return True
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == text:
            return any(is_closed(target, tree, closers) for target in node.targets)
    return False


def test_no_generator_that_holds_something_is_abandoned() -> None:
    """A compiled generator that is merely dropped runs no `finally`: a file would stay open, a place taken.

    Looked at are calls in the module that has the generator.
    """
    made = 0
    for module, path in MODULES.items():
        holders = holders_in(module)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in holders:
                made += 1
                where = f"{module}:{node.lineno}: {ast.unparse(node)}"
                assert is_closed(node, tree_of(path), CLOSERS | holders), f"{where} is abandoned"
    assert made >= 10


@pytest.mark.parametrize(
    ("use", "closed"),
    [
        ("for _ in holding(): pass", True),
        ("for _ in holding(): break", False),
        ("for _ in holding():\n        yield", False),
        ("yield from holding()", True),
        ("work = holding()", False),
        ("work = holding()\n    work.close()", True),
        ("work = holding()\n    start(work)", True),
        ("next(holding())", False),
    ],
)
def test_abandoned_generators_are_found(use: str, closed: bool) -> None:
    tree = ast.parse(f"def holding():\n    with x:\n        yield\n\ndef use():\n    {use}\n")
    assert [holds_something(function) for _, function in functions(tree)] == [True, False]
    (call,) = (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node) == "holding()"
    )
    assert is_closed(call, tree, {"start"}) is closed


# ---- Flags -------------------------------------------------------------------------------------------------


def flags_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id.startswith("WANT_")}


def owners(module: str) -> set[str]:
    """The flags that a module belongs to, or the folders that it is in."""
    return {
        flag
        for owned, flags in FEATURES["modules"].items()
        if f"{module}.".startswith(f"{owned}.")
        for flag in (owner.removeprefix("!") for owner in flags)
    }


def is_declared(flag: str, module: str) -> bool:
    """Whether a flag may be a branch in a module that it does not own."""
    return any(fnmatch.fnmatchcase(module, pattern) for pattern in FEATURES["branches"].get(flag, []))


def branches() -> set[tuple[str, str]]:
    """The flags that are branches in modules of other owners."""
    return {
        (flag, module)
        for module in NAMES
        if module != WIRING
        for flag in flags_in(tree_of(MODULES[module])) - owners(module)
    }


def test_a_flag_is_a_branch_only_in_modules_that_are_declared() -> None:
    """A new place is to be thought about: a table that wiring fills, or a module of the feature, may be better."""
    found = branches()
    assert len(found) > 20
    assert {(flag, module) for flag, module in found if not is_declared(flag, module)} == set()


def test_no_place_is_declared_in_vain() -> None:
    declared = {(flag, pattern) for flag, patterns in FEATURES["branches"].items() for pattern in patterns}
    used = {
        (flag, pattern)
        for flag, pattern in declared
        if any(name == flag and fnmatch.fnmatchcase(module, pattern) for name, module in branches())
    }
    assert declared - used == set()


def test_every_flag_is_somewhere() -> None:
    owned = {flag.removeprefix("!") for flags in FEATURES["modules"].values() for flag in flags}
    known = owned | {flag for flag, _ in branches()}
    assert set(FEATURES["flags"]) - set(FEATURES["planned"]) - known == set()


def test_no_class_depends_on_a_flag() -> None:
    for module, path in MODULES.items():
        tree = tree_of(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and flags_in(node.test):
                classes = [each for each in ast.walk(node) if isinstance(each, ast.ClassDef)]
                assert not classes, f"{module}:{node.lineno}: a class under a flag"
            if isinstance(node, ast.ClassDef):
                body = [each for each in node.body if not isinstance(each, ast.FunctionDef)]
                assert not set().union(*map(flags_in, body)), (
                    f"{module}:{node.lineno}: a flag in a class body"
                )


# ---- Tests -------------------------------------------------------------------------------------------------

# Modules without a test, and why.
UNTESTED = {
    "__main__": "one line, which the tests that start the program run",
    "swarm.store.checks": "behind the door: packed/test_checks.py breaks what it looks at",
    "swarm.store.empty_table": "behind the door: every large swarm of one family has two",
    "swarm.store.engine": "one choice, which every tracker makes",
    **{
        f"swarm.store.flat.{name}": "behind the door, or in tests/swarm/store/test_words.py, whatever is built"
        for name in (
            *(
                "answers",
                "block",
                "changes",
                "checks",
                "cleaning",
                "heads",
                "keyed",
                "large_swarms",
                "layout",
            ),
            *(
                "members",
                "packing",
                "pictures",
                "rows",
                "shard",
                "sorting",
                "store",
                "torrents",
                "word_table",
            ),
        )
    },
    "swarm.store.packed.cleaning": "behind the door: test_expiry.py",
    "swarm.store.packed.overflow": "behind the door: test_listing.py",
    "swarm.store.packed.pictures": "behind the door: the surveys",
    "swarm.store.packed.rows": "behind the door: test_listing.py",
    "swarm.store.peer_table": "test_table.py, by tests/swarm/engines.py",
    "swarm.store.weights": "behind the door: test_limits.py",
}
# Tests of no one module, and why.
HOUSEHOLD = {
    "test_cases": "of docs/cases.md",
    "test_monitoring": "of docs/monitoring",
    "test_units": "of docs/systemd",
    "test_docs": "of the pages, which are about all of it",
    "test_house": "of all modules",
}
# Folders of tests of no one module: the benchmarks, the build hook, the packages, the program from outside, any bytes.
OF_NO_MODULE = {"bench", "build", "e2e", "fuzz", "lint", "packaging"}


def folder_of(module: str) -> str:
    """The folder of a module, below the package; empty for one at the top."""
    return module.rpartition(".")[0].replace(".", "/")


def subjects(path: Path) -> set[str]:
    """The modules that a file of tests is about: it imports them, or is named after one, as `test_x_of_y` after `x`."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    words = path.stem.split("_")[1:]
    folder = path.parent.relative_to(TESTS).parts
    found |= {".".join((*folder, "_".join(words[:length]))) for length in range(1, len(words) + 1)}
    return {name.removeprefix("opentracker.") for name in found} & set(NAMES)


def files_of(folder: str) -> list[Path]:
    """The files of tests in a folder."""
    return [path for path in (TESTS / folder).glob("test_*.py") if folder or path.stem not in HOUSEHOLD]


def test_every_module_is_tested_in_the_folder_that_mirrors_its_own() -> None:
    plain = {module for module in NAMES if MODULES[module].name != "__init__.py"} - set(UNTESTED)
    tested = {folder: set().union(*map(subjects, files_of(folder))) for folder in map(folder_of, plain)}
    assert len(tested) > 10
    assert {module for module in plain if module not in tested[folder_of(module)]} == set()


def test_every_test_is_in_the_folder_of_a_module_that_it_tests() -> None:
    places = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    folders = {place.removeprefix(".") for place in places if place.partition("/")[0] not in OF_NO_MODULE}
    assert len(folders) > 10
    for folder in folders:
        for path in files_of(folder):
            assert folder in map(folder_of, subjects(path)), f"{path} is about no module of its folder"


def test_tests_are_no_packages() -> None:
    """So pytest imports them by their path, and nothing of this checkout stands before the installed package."""
    assert not [
        path for path in TESTS.rglob("__init__.py") if path.parts[-3] not in ("minitracker", "project")
    ]


def test_a_list_of_exceptions_holds_no_more_than_it_has_to() -> None:
    assert set(UNTESTED) <= set(NAMES)
    assert all((TESTS / f"{name}.py").exists() for name in HOUSEHOLD)
