"""Imports point one way, heavy libraries stay where they belong, and the command line starts light.

The sources are read with `ast`, so that imports inside functions count as well.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "nucfuse"

# Each layer may import those below it, and itself; those of one row not each other.
LAYERS = (
    ("cli",),
    ("commands",),
    ("api",),
    ("pipeline",),
    ("report",),
    ("models",),
    ("ensemble",),
    ("clean", "metrics"),
    ("data",),
    ("masks",),
)
# Beside the layers: any of them may import these; masks, which knows nobody, `_lazy` and `kernels`.
FOUNDATION = {
    "_lazy": set(),
    "errors": set(),
    "engine": {"errors"},
    "settings": {"errors"},
    "kernels": set(),
}

HEAVY = (
    "numpy", "numba", "scipy", "pandas", "cv2", "skimage", "tifffile", "imagecodecs",
    "keras", "tensorflow", "onnxruntime", "distributed",
)  # fmt: skip

PATHS = sorted(ROOT.rglob("*.py"))
MODULES = {
    ".".join(["nucfuse", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(
        ".__init__"
    ): path
    for path in PATHS
}


def imported_names(module, tree):
    """Full dotted names that the import statements of a module's syntax tree (or part) mention."""
    is_package = MODULES[module].name == "__init__.py"
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")
            base = parents[: len(parents) - node.level + is_package] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)


def names_imported_by(module):
    return set(imported_names(module, parsed(MODULES[module])))


def modules_named(names):
    """The modules of the package among imported names: the name itself, or the one it is from."""
    for name in names:
        if name in MODULES:
            yield name
        elif name.rpartition(".")[0] in MODULES:
            yield name.rpartition(".")[0]
        elif name.split(".")[0] == "nucfuse":
            raise AssertionError(f"{name} is imported, but there is no such module")


def part_of(module):
    """The layer or foundation a module belongs to: `nucfuse.masks.rle` -> `masks`."""
    return [*module.split("."), "__init__"][1]


def allowed_parts(part):
    """What modules of a part may import from the package."""
    if part in FOUNDATION:
        return {part} | FOUNDATION[part]
    level = next(i for i, layer in enumerate(LAYERS) if part in layer)
    below = {name for layer in LAYERS[level + 1 :] for name in layer}
    return {part} | below | ({"_lazy", "kernels"} if part == "masks" else set(FOUNDATION))


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"nucfuse"}))
def test_imports_point_down(module):
    part = part_of(module)
    known = {name for layer in LAYERS for name in layer} | set(FOUNDATION)
    assert part in known, f"{module} has no place in the order of imports"
    names = set(imported_names(module, parsed(MODULES[module]))) - {"nucfuse.__version__"}
    wrong = {found for found in modules_named(names) if part_of(found) not in allowed_parts(part)}
    assert not wrong, f"{module} imports {sorted(wrong)}, which lie beside or above {part}"


def test_no_module_imports_itself_in_a_circle():
    graph = {
        module: set(modules_named(imported_names(module, parsed(path)))) - {module, "nucfuse"}
        for module, path in MODULES.items()
        if module != "nucfuse"
    }
    TopologicalSorter(graph).prepare()


def libraries_of(module):
    return {name.split(".")[0] for name in imported_names(module, parsed(MODULES[module]))}


def is_kernels(module):
    """Whether a module lies in a folder of compiled ones."""
    return "kernels" in module.split(".")[:-1]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_numba_is_imported_by_kernels_only(module):
    assert is_kernels(module) or "numba" not in libraries_of(module)


@pytest.mark.parametrize("module", sorted(m for m in MODULES if is_kernels(m)))
def test_kernels_are_cached_release_the_gil_and_are_not_parallel(module):
    """cache=True together with parallel=True can crash."""
    calls = [
        decorator
        for node in ast.walk(parsed(MODULES[module]))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if "njit" in ast.unparse(decorator)
    ]
    for call in calls:
        options = {
            keyword.arg: ast.literal_eval(keyword.value)
            for keyword in getattr(call, "keywords", ())
        }
        assert options.pop("inline", None) in (None, "always", "never")
        assert options.pop("fastmath", False) is False
        assert options == {"cache": True, "nogil": True}, f"{module}:{call.lineno}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_keras_is_imported_by_models_only_and_late(module):
    deep = {"keras", "tensorflow", "onnxruntime"}
    if part_of(module) != "models":
        assert not libraries_of(module) & deep
        return
    top = ast.Module([n for n in parsed(MODULES[module]).body if not is_definition(n)], [])
    assert not {name.split(".")[0] for name in imported_names(module, top)} & deep


def is_definition(node):
    return isinstance(node, ast.FunctionDef | ast.ClassDef)


def heavy_modules_after(statements):
    """Heavy libraries that a fresh interpreter has loaded after some statements."""
    code = f"{statements}\nimport sys\nprint('loaded', *({HEAVY!r} & sys.modules.keys()))"
    code = code.replace(repr(HEAVY), repr(set(HEAVY)))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()[-1].split()[1:]


def test_importing_the_package_loads_nothing_heavy():
    assert heavy_modules_after("import nucfuse, nucfuse.clean, nucfuse.masks") == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["score", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    command = f"from nucfuse.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert heavy_modules_after(command) == []


@pytest.mark.parametrize(
    "package", sorted(m for m in MODULES if "nucfuse._lazy.attach" in names_imported_by(m))
)
def test_public_names_resolve(package):
    """Every name that a package offers is there, is listed, and hides no module beside it."""
    code = f"import {package} as p\nfor name in p.__all__: getattr(p, name)\n"
    code += "assert not hasattr(p, 'nosuch')\nprint(*dir(p))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(run.stdout.split())
    assert names
    assert not {f"{package}.{name}" for name in names} & set(MODULES)
