"""Compiled loops of fusion. Their arguments are checked; nothing here raises.

- `grid`, `matching`, `pair_overlap`: which masks or boxes may overlap, and by how much.
- `clusters`, `vote`: masks of several models joined to clusters, whose pixels are voted on.
- `mask_nms`, `box_nms`, `soft_nms`, `weighted_boxes`: suppression, and fusion of boxes.
- `maps`: means and medians of probability maps; `order`: a stable sort of scores.
"""
