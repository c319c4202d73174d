"""Changes a module in one small place after another and asks the tests whether they notice. No test itself.

    python tests/mutation.py pyconv.ops.geometry tests/test_geometry.py [more tests]

A change that no test notices is printed: either it changes nothing that matters, or a test is missing. The module's
docstring examples count as tests. Each change lives in a forked child, whose functions get the changed code.
"""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

# A loop that a change has made endless is noticed, too.
SECONDS = 300

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
}

Change = tuple[ast.AST, str, object]  # a node, the field to change, and what it becomes


def changes(tree: ast.Module) -> Iterator[Change]:
    """Every small change of a module, in the order of its nodes; docstrings and texts stay."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for place, operator in enumerate(node.ops):
                yield node, "ops", [*node.ops[:place], COMPARISONS[type(operator)](), *node.ops[place + 1 :]]
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            yield node, "op", OPERATORS[type(node.op)]()
        elif isinstance(node, ast.BoolOp):
            yield node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, "op", ast.UAdd()
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, "operand", ast.UnaryOp(ast.Not(), node.operand)
        elif isinstance(node, ast.If | ast.IfExp):
            yield node, "test", ast.UnaryOp(ast.Not(), node.test)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
            yield node, "value", not node.value if isinstance(node.value, bool) else node.value + 1
        elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
            yield node, "value", ast.Constant(None)


def put(module: ModuleType, tree: ast.Module) -> None:
    """The changed code in the place of the module's: also where others have imported its functions by name."""
    changed: dict[str, object] = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(ast.fix_missing_locations(tree), str(module.__file__), "exec"), changed)
    for name, value in changed.items():
        mine = vars(module).get(name)
        if getattr(mine, "__module__", None) == module.__name__:
            put_code(mine, value)
        elif isinstance(value, int | frozenset):
            setattr(module, name, value)


def put_code(mine: object, changed: object) -> None:
    """That of a function, of a property, or of all that a class has."""
    if isinstance(mine, FunctionType) and isinstance(changed, FunctionType):
        mine.__code__ = changed.__code__
        mine.__defaults__, mine.__kwdefaults__ = changed.__defaults__, changed.__kwdefaults__
    elif isinstance(mine, property) and isinstance(changed, property):
        put_code(mine.fget, changed.fget)
    elif isinstance(mine, type) and isinstance(changed, type):
        for name, value in vars(changed).items():
            put_code(vars(mine).get(name), value)


def passes(prepare: Callable[[], None], module: ModuleType, tests: list[str]) -> bool:
    """Whether all tests pass in a child that has been prepared."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(null, stream)
        signal.alarm(SECONDS)
        code = 1
        try:
            prepare()
            code = int(doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed > 0)
            code = code or int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def shown(node: ast.AST) -> str:
    """The node as code, an `if` by its condition."""
    return ast.unparse(node.test if isinstance(node, ast.If) else node)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("module")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    module = importlib.import_module(options.module)
    source = Path(inspect.getfile(module)).read_text(encoding="utf-8")
    if not passes(lambda: None, module, options.tests):
        sys.exit("The tests don't pass as it is.")
    begin, alive = time.monotonic(), []
    count = len(list(changes(ast.parse(source))))
    for number in range(count):
        tree = ast.parse(source)
        node, field, new = list(changes(tree))[number]
        before = shown(node)
        setattr(node, field, new)
        after = shown(node)
        if passes(lambda tree=tree: put(module, tree), module, options.tests):  # type: ignore[misc]
            alive.append(number)
            print(f"{node.lineno}: {before}  ->  {after}", flush=True)  # type: ignore[attr-defined]
    print(f"{count - len(alive)} of {count} changes were noticed, in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
