"""The uses of a flag that are refused, with file and line: they cannot be blanked, or mypyc would not compile them."""

import ast
from typing import Final, NoReturn

from build_hook.errors import BuildError
from build_hook.names import nearest

FORMATTED: Final = tuple(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))
FEATURES_MODULE: Final = "_features"
# Names in there that are no flags and no constants.
TABLES: Final = frozenset({"BUILD_RECORD", "KEY_FLAGS", "OPTION_FLAGS"})


class FlagRules(ast.NodeVisitor):
    """Refuses the uses of a flag that cannot be blanked, or that mypyc would not compile."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Take the file's name, for messages, and every name in _features.py."""
        self.name = name
        self.known = frozenset(known)
        self.in_class_body = False
        self.under_flag = ""

    def refuse(self, node: ast.AST, message: str) -> NoReturn:
        raise BuildError(f"{self.name}:{getattr(node, 'lineno', 1)}: {message}")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.rpartition(".")[2] == FEATURES_MODULE:
                self.refuse(
                    node, f"import {alias.name}: flags are imported by name, from {alias.name} import WANT_X"
                )
            self.refuse_binding(node, alias.asname)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        of_features = (node.module or "").rpartition(".")[2] == FEATURES_MODULE
        for alias in node.names:
            if alias.name == FEATURES_MODULE:
                self.refuse(node, f"import of {FEATURES_MODULE}: flags are imported by name")
            if of_features and alias.name not in self.known | TABLES:
                self.refuse(
                    node, f"{alias.name} is no flag and no constant: {nearest(alias.name, self.known)}"
                )
            if of_features and alias.asname not in (None, alias.name):
                self.refuse(node, f"{alias.name} as {alias.asname}: a flag keeps its name")
            if not of_features:
                self.refuse_binding(node, alias.asname or alias.name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = ast.unparse(node.value).rpartition(".")[2]
        if owner == FEATURES_MODULE or (node.attr in self.known and node.attr.startswith("WANT_")):
            self.refuse(node, f"{ast.unparse(node)}: flags are imported by name, not reached as attributes")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id not in self.known:
            return
        if not isinstance(node.ctx, ast.Load):
            self.refuse_binding(node, node.id)
        if self.in_class_body and node.id.startswith("WANT_"):
            self.refuse(node, f"{node.id} in a class body: a flag guards statements in functions and modules")

    def refuse_binding(self, node: ast.AST, bound: str | None) -> None:
        if bound in self.known:
            self.refuse(
                node, f"{bound} is bound here: it is imported from {FEATURES_MODULE} and nothing else"
            )

    def visit_arg(self, node: ast.arg) -> None:
        self.refuse_binding(node, node.arg)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        outer = self.under_flag
        self.visit(node.test)
        self.under_flag = self.flag_in(node.test) or outer
        for statement in (*node.body, *node.orelse):
            self.visit(statement)
        self.under_flag = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if self.under_flag:
            self.refuse(
                node, f"class {node.name} under {self.under_flag}: put the class into a module of its own"
            )
        outer, self.in_class_body = self.in_class_body, True
        self.generic_visit(node)
        self.in_class_body = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.refuse_binding(node, node.name)
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        outer, self.in_class_body = self.in_class_body, False
        for statement in node.body:
            self.visit(statement)
        self.in_class_body = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def generic_visit(self, node: ast.AST) -> None:
        """Refuse a flag in a formatted string, and one that a pattern or a handler binds."""
        if isinstance(node, FORMATTED) and (flag := self.flag_in(node)):
            self.refuse(node, f"{flag} in a formatted string: take it out of the string")
        if isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)):
            self.refuse_binding(node, node.name)
        super().generic_visit(node)

    def flag_in(self, node: ast.AST) -> str:
        """Return the first flag in an expression, or nothing."""
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        return next((name for name in names if name in self.known and name.startswith("WANT_")), "")
