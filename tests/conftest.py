"""Hypothesis profiles: `quick` for `make test`, `thorough` for `make test-all` (variable THOROUGH).

With the variable CI examples are the same in every run.
"""

import os

from hypothesis import HealthCheck, settings

# Uncompiled loops are slow; there, fewer examples than compiled code has to pass.
_UNCOMPILED = bool(os.environ.get("NUMBA_DISABLE_JIT"))
# The first call of a kernel compiles and NUMBA_DISABLE_JIT=1 interprets it: neither is a slow test.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

for _name, _compiled, _plain in (("quick", 60, 30), ("thorough", 300, 60)):
    settings.register_profile(
        _name,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        max_examples=_plain if _UNCOMPILED else _compiled,
        print_blob=True,
        suppress_health_check=_PATIENT,
    )
settings.load_profile("thorough" if os.environ.get("THOROUGH") else "quick")


def pytest_configure(config):
    """Uncompiled kernels warn where compiled ones wrap around on purpose: in bit tricks."""
    for module in ("label_overlap", "bits"):
        config.addinivalue_line(
            "filterwarnings",
            f"ignore:overflow encountered in scalar:RuntimeWarning:nucfuse.masks.kernels.{module}",
        )
