"""The shape of the house: which room may import which, where its tests are, and where flags are branches.

Read from the sources of this checkout, whatever was built of them. Nothing is imported.
"""

import ast
import re
import tomllib
from collections import defaultdict
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
    "cli",
    "daemon",
    "debug",
    "plan",
}  # the programs: beside the rooms, or a room of their own
ANYWHERE = {"errors", "_features", "build_info"}

# The clock, the random source and the limits come in as arguments, sockets not at all.
PURE_ROOMS = {"protocol", "swarm"}
FORBIDDEN = {"asyncio", "logging", "os", "random", "secrets", "select", "selectors", "socket", "time"}

LISTS = {"WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE"}
COMPILED = {"WANT_COMPILED"}
LIMITS = {"WANT_MAX_PEER"}
BOGONS = {"WANT_BOGON_FILTER"}
WATCHERS = {"WANT_SYNC_LIVE", "WANT_SYSLOGS", "WANT_SPOT_WOODPECKER"}

# Where a feature is only a branch, or is joined to the rest: `module:function`, or `module` outside of functions where
# more than imports depend on it. Modules that are a feature themselves are not listed.
BRANCHES = {
    "protocol.http:parse_request": {"WANT_IP_FROM_PROXY", "WANT_KEEPALIVE"},
    "protocol.plain_announce:PlainReader.allows_header": {"WANT_KEEPALIVE"},
    "protocol.plain_announce:PlainReader.read_field": {"WANT_IP_FROM_QUERY_STRING"},
    "protocol.plain_announce:PlainReader.read_headers": {"WANT_KEEPALIVE"},
    "protocol.query:_parse_claimed_ip": {"WANT_V4_ONLY", "WANT_V6"},
    "protocol.query:parse_announce": {"WANT_IP_FROM_QUERY_STRING"},
    "protocol.udp:parse_announce": {"WANT_SYSLOGS"},
    "server.http.at_once:AtOnce.answer": {"WANT_KEEPALIVE"},
    "server.http.connection:Connection.__init__": COMPILED,
    "server.http.connection:Connection.receive": {*COMPILED, "WANT_KEEPALIVE"},
    "server.http.listener:Listener.__init__": COMPILED,
    "server.http.listener:Listener.serve": COMPILED,
    "server.http.server:HttpServer.__init__": {*LIMITS},
    "server.http.server:HttpServer.forget": {*LIMITS},
    "server.http.server:HttpServer.may_stay": {*LIMITS},
    "server.http.server:HttpServer.remember": {*LIMITS},
    "server.http.listener:Listener.ready": {*LIMITS, "WANT_LOG_NETWORKS"},
    "server.http.responder:HttpResponder.announce": {"WANT_LOG_NUMWANT"},
    "server.wiring": {
        *LISTS,
        *BOGONS,
        *LIMITS,
        *("WANT_DYNAMIC_ACCESSLIST", "WANT_FULLSCRAPE", "WANT_IP_FROM_PROXY"),
        *("WANT_SYNC_LIVE", "WANT_SYNC_SCRAPE", "WANT_SYSLOGS"),
    },
    "server.system.systemd:fault_of": {"WANT_V4_ONLY", "WANT_V6"},
    "server.http.responder:HttpResponder.__init__": COMPILED,
    "server.http.responder:HttpResponder.answer_plain": {
        *COMPILED,
        *("WANT_FULLLOG_NETWORKS", "WANT_IP_FROM_PROXY", "WANT_LOG_NUMWANT"),
    },
    "server.http.responder:HttpResponder.answer": {"WANT_FULLLOG_NETWORKS", "WANT_IP_FROM_PROXY"},
    "server.udp.responder:UdpResponder.answer": {"WANT_LOG_NETWORKS", "WANT_LOG_NUMWANT"},
    "server.binding:open_sockets": {"WANT_V6"},
    **{
        f"swarm.connection_ids:ConnectionIds.{name}": COMPILED
        for name in ("__init__", "accepts", "append", "rotate")
    },
    "swarm.invariants:Checker.check_next": LIMITS,
    "swarm.invariants:check_record": {"WANT_V4_ONLY"},
    "server.binding:wildcards": {"WANT_V4_ONLY", "WANT_V6"},
    "swarm.expiry:Cleaner.goes": {*LIMITS},
    "swarm.listing:Segment.note": LISTS,
    "swarm.store.large:Swarm.announce": {"WANT_SYNC_LIVE", "WANT_V4_ONLY"},
    "swarm.store.large:Swarm.put_in": {"WANT_SYNC_LIVE"},
    "swarm.store.peers": {"WANT_SYNC_LIVE"},
    "swarm.store.small": {"WANT_SYNC_LIVE"},
    "swarm.store.small:announce": {"WANT_SYNC_LIVE", "WANT_V4_ONLY"},
    "swarm.store.small:with_peer": {"WANT_SYNC_LIVE"},
    "config.values:check_family": {"WANT_V4_ONLY", "WANT_V6"},
    "server.sockets": {"WANT_KEEPALIVE"},
    "swarm.tracker": {*LISTS, "WANT_SYNC_LIVE"},
    "swarm.surveys.census:Census.offer": LISTS,
    "swarm.counting.network_count": {"WANT_V4_ONLY", "WANT_V6"},
    "swarm.store.peer_table:PeerTable.block_of": {*LIMITS},
    "swarm.tracker:Tracker.__init__": {
        *LISTS,
        *BOGONS,
        *LIMITS,
        *WATCHERS,
        "WANT_LOG_NETWORKS",
        "WANT_LOG_NUMWANT",
    },
    "swarm.tracker:Tracker.announce": {*LISTS, *BOGONS, *LIMITS, *WATCHERS},
    "swarm.tracker:Tracker.grown": {*LIMITS},
    "swarm.tracker:Tracker.put": {*LIMITS},
    "swarm.tracker:Tracker.settle": {*LIMITS},
    "swarm.tracker:Tracker.scrape": {"WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE"},
}


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
    """Whatever a module imports, by its whole name, and the line. Conditional imports and those in functions count."""
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
    assert ("swarm.tracker", 25) not in set(imported_modules("protocol.udp"))
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
        if room_of(module) != "server":
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
    """And, of a feature with a socket, its second half in `server/`, which belongs to a flag as a whole.

    Elsewhere a feature is a branch on its flag, or comes in as an argument.
    """
    owned = tomllib.loads((TESTS.parent / "features.toml").read_text(encoding="utf-8"))["modules"]
    for module in NAMES:
        if room_of(module) == "features" or module == "server.wiring" or room_of(module) == "front":
            continue
        for name, line in imported_modules(module):
            assert room_of(name) != "features" or module in owned, f"{module}:{line} imports {name}"


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


# Where a shard is changed: whatever changes the number of torrents or peers is counted there (swarm.policy.limits).
DOORS = {"swarm.tracker:Tracker.announce", "swarm.tracker:Tracker.put", "swarm.expiry:give_back"}


def changed_shards(function: ast.AST) -> Iterator[int]:
    """Lines in which a shard is plainly changed: a name `shard`, or an element of something called `shards`."""
    for node in ast.walk(function):
        owner: ast.expr | None = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            owner = node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING:
            owner = node.func.value
        if owner is not None and re.search(r"\bshard\b|\bshards\[", ast.unparse(owner)):
            yield owner.lineno


def test_torrents_come_and_go_by_one_door() -> None:
    found = {
        f"{module}:{name}"
        for module in NAMES
        for name, function in functions(tree_of(MODULES[module]))
        if list(changed_shards(function))
    }
    assert found == DOORS


# ---- Flags -------------------------------------------------------------------------------------------------


def flags_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id.startswith("WANT_")}


def only_imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and all(
        isinstance(each, ast.Import | ast.ImportFrom) or only_imports(each)
        for each in statement.body + statement.orelse
    )


def branches() -> dict[str, set[str]]:
    """Where flags are used, as in BRANCHES."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for module, path in MODULES.items():
        if room_of(module) == "features":
            continue
        tree = tree_of(path)
        inside = set()
        for name, function in functions(tree):
            inside.add(function)
            if flags_in(function):
                found[f"{module}:{name}"] |= flags_in(function)
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef) or statement in inside or only_imports(statement):
                continue
            used = flags_in(statement)
            if isinstance(statement, ast.If):  # functions under it are found above
                used = flags_in(statement.test)
            if used:
                found[module] |= used
    return dict(found)


def test_the_places_where_a_flag_is_a_branch_are_known() -> None:
    """A new one is to be thought about: it may better be a table that wiring fills, or a module of the feature."""
    assert branches() == BRANCHES


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

# Modules without a test of their own, and why.
UNTESTED = {
    "__main__": "one line, which the tests that start the program run",
    "_features": "generated; tests/build asks what is in it",
}
# Tests of no one module, and why.
HOUSEHOLD = {
    "test_cases": "of docs/cases.md",
    "test_units": "of docs/systemd",
    "test_docs": "of the pages, which are about all of it",
    "test_house": "of all modules",
}
OF_NO_MODULE = {
    "bench",
    "build",
    "e2e",
    "fuzz",
}  # the benchmarks, the build hook, the program from outside, any bytes


def expected_test(module: str) -> str:
    folder, _, name = module.rpartition(".")
    return f"{folder.replace('.', '/')}/test_{name}".lstrip("/")


def test_every_module_has_its_test_and_every_test_its_module() -> None:
    rooms = {path.parent for path in MODULES.values() if path.name == "__init__.py"}
    tested = {
        expected_test(module)
        for module, path in MODULES.items()
        if module not in UNTESTED and path.parent / "__init__.py" != path
    }
    assert len(rooms) >= 5
    there = {
        path.relative_to(TESTS).with_suffix("").as_posix()
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).parts[0] not in OF_NO_MODULE
    }
    assert tested - there == set(), "modules without a test"
    assert there - tested - set(HOUSEHOLD) == set(), "tests without a module"


def test_tests_are_no_packages() -> None:
    """So pytest imports them by their path, and nothing of this checkout stands before the installed package."""
    assert not [
        path for path in TESTS.rglob("__init__.py") if path.parts[-3] not in ("minitracker", "project")
    ]


def test_a_list_of_exceptions_holds_no_more_than_it_has_to() -> None:
    assert set(UNTESTED) - {"_features"} <= set(NAMES)
    assert all((TESTS / f"{name}.py").exists() for name in HOUSEHOLD)
