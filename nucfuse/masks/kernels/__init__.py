"""Compiled loops over masks. Their arguments are checked; nothing here raises.

- `arrays`: what kernels pass to each other (`MaskArrays`, `Pairs`), counting sort, union-find.
- `runs`: between label images, runs and boxes; `rle`, `polygons`: between runs and these.
- `label_overlap`, `mask_overlap`: pixels shared by label images, by run-length masks.
- `bits`: many pixels at a time.
"""
