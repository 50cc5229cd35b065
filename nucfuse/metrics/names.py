"""The names of scores, in the order of tables and summaries."""

SCORES = ("dsb_ap", "pq", "sq", "rq", "aji", "aji_plus", "dice", "pixel_iou", "object_dice")
ERRORS = ("missed", "spurious", "split", "merged", "poor_boundary")
BOUNDARY_SCORES = (
    *("boundary_iou", "boundary_ap"),
    *("boundary_precision", "boundary_recall", "boundary_f"),
)
# Means over images, in the order of the summary.
MEANS = (*SCORES, *BOUNDARY_SCORES)
# Of two sets the one with less of these is the better one.
FEWER_IS_BETTER = (*ERRORS, "count_error_abs")
# What is shown first of all numbers, the latter where it was measured.
MAIN_SCORES = ("dsb_ap", "f1_50", "pq", "aji", "aji_plus", "dice")
EXTRA_SCORES = ("coco_ap", "boundary_ap", "boundary_iou", "boundary_f")
