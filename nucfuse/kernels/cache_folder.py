"""Where numba keeps compiled code if it cannot lie beside the package; loads nothing heavy."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

# The folder where code is kept for this process only, as no other can be written; "" if not needed.
temporary_folder = ""


def ensure_cache_folder() -> None:
    """See to it that numba finds a folder for compiled code; without one it refuses to work.

    Numba takes the first that it can write to: ``NUMBA_CACHE_DIR``, the package's own folders, the
    user's cache. Where there is none, ``NUMBA_CACHE_DIR`` becomes a folder that goes with the
    process.
    """
    global temporary_folder
    given = os.environ.get("NUMBA_CACHE_DIR")
    if (given and _is_writable(Path(given))) or _is_writable(_user_cache()):
        return
    temporary_folder = tempfile.mkdtemp(prefix="nucfuse-")
    atexit.register(shutil.rmtree, temporary_folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = temporary_folder


def _user_cache() -> Path:
    """Where numba looks for the user's cache."""
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA", "~")
    elif sys.platform == "darwin":
        folder = "~/Library/Caches"
    else:
        folder = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.path.expanduser(folder)) / "numba"  # noqa: PTH111  (no error without a home)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
