"""Public names of a package, each loaded from its module when it is first used.

So `import nucfuse` and the help of the command line cost no numpy.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make what the ``__init__`` of a package needs: ``__getattr__, __dir__, __all__``.

    The public names are those that it imports under ``if TYPE_CHECKING``, where type checkers and
    editors look for them: so each is written down once. None may be that of a module beside it,
    which would take its place as soon as it is loaded.

    Parameters
    ----------
    package : str
        Its ``__name__``.

    Examples
    --------
    >>> find, _, names = attach("nucfuse.masks")
    >>> "Instances" in names, find("check_labels").__module__
    (True, 'nucfuse.masks.labels')
    """
    source = Path(str(sys.modules[package].__file__)).read_text(encoding="utf-8")
    checked = [
        node
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    ]
    homes = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in checked
        for alias in node.names
    }

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, own_name = homes[name]
        value = getattr(import_module(module), own_name)
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(homes), list(homes)
