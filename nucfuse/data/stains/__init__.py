"""Colours of stained tissue.

- `stain`: haematoxylin by fixed colours, first principal component, Macenko's and Vahadane's
  normalisation; `sparse_nmf`: the factors of the latter.
- `reinhard`: mean and spread of all colours.
"""
