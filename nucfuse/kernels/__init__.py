"""What all compiled code shares: where it is kept, and saying that it is being made.

The kernels themselves lie in the ``kernels`` folders of `masks`, `data`, `clean`, `ensemble`,
`metrics` and `models`.
"""
