"""Every port has a contract suite and every backend runs it; only file and class names are looked at.

A port is a file in `ports/` with a Protocol in it; a backend is a file of the same name in a folder of
`adapters/outbound/`; its suite is `tests/contracts/<port>.py` with classes named ...Contract, run by subclasses named
Test... in `tests/contracts/test_<port>_<technology>.py`. A port file with several Protocols may split its suite: any
further `tests/contracts/<name>.py` is held to the same for the adapters called <name>.
"""

import ast
from pathlib import PurePosixPath

from tests.architecture.tree import Source, Tree

# One SQL adapter serves two engines, and each has to keep the promise.
_ENGINES = {"sql": ("sqlite", "postgres")}


def broken_promises(tree: Tree) -> list[str]:
    sources = {source.path: source for source in tree.sources}
    found = []
    for port in sorted(_ports(tree) | _suites(tree)):
        suite = sources.get(f"tests/contracts/{port}.py") or sources.get(f"tests/contracts/{port}/__init__.py")
        if suite is None:
            found.append(f"ports/{port}.py: no suite tests/contracts/{port}.py")
            continue
        contracts = _contracts(suite)
        found += _weak_suite(suite, contracts)
        backends = _backends(tree, port)
        if not backends:
            found.append(f"{suite.path}: no adapter adapters/outbound/*/{port}.py")
        run: set[str] = set()
        for backend in backends:
            path = f"tests/contracts/test_{port}_{backend}.py"
            mine = _run_by(sources[path]) & contracts.keys() if path in sources else set()
            if not mine:
                found.append(f"{path}: missing, or no Test class in it has a base class from {suite.path}")
            run |= mine
        found += [f"{suite.path}: no backend runs {name}" for name in sorted(contracts.keys() - run) if backends]
    return found


def _ports(tree: Tree) -> set[str]:
    """A port of more than 400 lines is a package, whose files together are the port."""
    found = set()
    for source in tree.below("ports"):
        if any(_bases(node) & {"Protocol"} for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)):
            found.add(PurePosixPath(source.path).parts[1].removesuffix(".py"))
    return found


def _suites(tree: Tree) -> set[str]:
    """Files of the suites' folder that hold a contract; others there are scenes and samples that suites share."""
    candidates = (source for source in tree.below("tests/contracts") if not source.stem.startswith("test_"))
    return {source.stem for source in candidates if _contracts(source)}


def _backends(tree: Tree, port: str) -> list[str]:
    found: set[str] = set()
    for source in tree.below("adapters/outbound"):
        parts = PurePosixPath(source.path).parts
        if len(parts) > 3 and parts[3].removesuffix(".py") == port:
            found.update(_ENGINES.get(parts[2], (parts[2],)))
    return sorted(found)


def _contracts(suite: Source) -> dict[str, ast.ClassDef]:
    classes = (node for node in suite.tree.body if isinstance(node, ast.ClassDef))
    return {node.name: node for node in classes if node.name.endswith("Contract")}


def _weak_suite(suite: Source, contracts: dict[str, ast.ClassDef]) -> list[str]:
    if not contracts:
        return [f"{suite.path}: no class named ...Contract"]
    found = []
    for name, node in contracts.items():
        methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
        inherits = bool(_bases(node) & contracts.keys())
        if "make" not in methods and not inherits:
            found.append(f"{suite.path}: {name} has no hook make()")
        if not any(method.startswith("test_") for method in methods):
            found.append(f"{suite.path}: {name} has no test")
    return found


def _run_by(source: Source) -> set[str]:
    classes = (node for node in source.tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
    return {base for node in classes for base in _bases(node)}


def _bases(node: ast.ClassDef) -> set[str]:
    """The last words of the base classes, subscripts taken off."""
    plain = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return {
        base.attr if isinstance(base, ast.Attribute) else base.id
        for base in plain
        if isinstance(base, ast.Attribute | ast.Name)
    }
