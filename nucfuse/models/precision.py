"""The arithmetic inside a network that is being built."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

_log = logging.getLogger(__name__)

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # names on x86 and ARM
_CPUINFO = Path("/proc/cpuinfo")


def chosen_precision(precision: str, cpuinfo: Path = _CPUINFO) -> str:
    """Choose what a network computes in, given what its config asks for.

    A processor without bfloat16 imitates it, ten times slower than it computes in float32; whoever
    asks for that is warned.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        "auto": bfloat16 where the processor says that it has it, else float32.
    cpuinfo : Path
        What Linux says of its processors. Other systems have no such file, and count as without.

    Returns
    -------
    {"float32", "bfloat16"}
    """
    if precision == "float32":
        return precision
    has_it = _has_bfloat16(cpuinfo)
    if precision == "auto":
        return "bfloat16" if has_it else "float32"
    if cpuinfo.exists() and not has_it:
        _log.warning(
            "this processor has no bfloat16, and imitates it ten times slower than it computes in "
            'float32; set precision = "auto"'
        )
    return precision


def _has_bfloat16(cpuinfo: Path) -> bool:
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return not _BFLOAT16_FLAGS.isdisjoint(next(flags, "").split())


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers made meanwhile compute in that precision; their weights are float32 in both.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy({"bfloat16": "mixed_bfloat16"}.get(precision, precision))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
