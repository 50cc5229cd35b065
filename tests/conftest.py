"""Hypothesis profiles: `default` for the desk, `ci` (environment variable CI) for the record."""

import os

from hypothesis import HealthCheck, settings

# The first call of a kernel compiles and NUMBA_DISABLE_JIT=1 interprets it: neither is a slow test.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("default", deadline=None, max_examples=60, suppress_health_check=_PATIENT)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    # Uncompiled loops are slow; there, fewer examples than compiled code has to pass.
    max_examples=60 if os.environ.get("NUMBA_DISABLE_JIT") else 300,
    print_blob=True,
    suppress_health_check=_PATIENT,
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_configure(config):
    """Uncompiled kernels warn where compiled ones wrap around on purpose: in bit tricks."""
    for module in ("label_overlap", "bits"):
        config.addinivalue_line(
            "filterwarnings",
            f"ignore:overflow encountered in scalar:RuntimeWarning:nucfuse.masks.kernels.{module}",
        )
