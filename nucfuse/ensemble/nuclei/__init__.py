"""Fusion of nuclei: from the sets of several models to one, with its whole provenance.

- `methods`: all methods by name, and `fuse_instances`, which calls them; `parameters`: what can be
  set in each.
- `candidates`: the nuclei of all models in one order; `clusters`: which of them are the same.
- A module for each method: `weighted`, `consensus`, `revote`, `fallback`, `staple`, `union`; in
  `suppression` those of the NMS family, and the functions that suppress within one set.
- `results`: what a method makes of candidates; `provenance`: the `Fusion` that comes out.
"""
