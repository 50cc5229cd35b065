"""Compiled loops of cleaning. Their arguments are checked; nothing here raises.

- `overlaps`, `nearest`: overlaps removed by rank, by distance; `pieces`, `holes`: of masks.
- `peaks`, `watershed`: from probabilities to nuclei.
"""
