"""Compiled loops of the scores, which count; formulas stand where they are named.

- `matching`, `assignment`: which nuclei belong together; `sums`: numerators and denominators.
- `anatomy`: kinds of errors; `boundary`, `coco`: what is measured on request.
"""
