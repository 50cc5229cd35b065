"""The arithmetic inside a network that is being built."""

import contextlib
from collections.abc import Iterator


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
