"""How nucfuse's kernels are compiled."""

from numba import njit

# Kept on disk, run without the interpreter's lock, and without the entry for C callers that numba
# adds otherwise: nobody calls it, and it is a sixth of the time of compiling (38 kernels of a first
# `fuse`: 34 s of CPU instead of 40).
kernel = njit(cache=True, nogil=True, no_cfunc_wrapper=True)
