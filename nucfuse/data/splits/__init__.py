"""Which images a network learns from and which it is scored on.

- `folds`: grouped folds, and folds that are sources.
- `near_duplicates`: images that must stay on one side.
"""
