"""Error anatomy: what went wrong with each nucleus, and what correcting one kind would give.

Every truth and every prediction is of one kind. Hits are taken at IoU 0.5, by the rule of the
score. A nucleus is *held* by the nucleus of the other side in which more than half of its area
lies, unless it hits another one. The first that applies is the kind:

hit
    Truth and prediction that match.
split
    A truth that holds two or more predictions, and these predictions: cut in pieces.
merged
    A prediction that holds two or more truths, and these truths: run together.
poor_boundary
    A truth and a prediction, each the other's best, whose IoU is 0.1 or more but no hit.
missed, spurious
    Every other truth; every other prediction.

So a truth that is cut in pieces, one of which is a hit, is a hit itself; its other pieces are
``split``. The counts of an image are: ``missed`` and ``spurious`` nuclei, ``split`` truths cut in
pieces and ``merged`` predictions that swallow several (hits included), ``poor_boundary`` pairs.

To correct a kind of error (columns ``mended_missed``, …) means, at each threshold of the score:

missed
    Missed truths are found exactly.
spurious
    Spurious predictions are removed.
split
    Truths cut in pieces are found exactly and their pieces removed.
merged
    Predictions that swallow several truths are replaced by exactly these.
poor_boundary
    The prediction becomes the truth.
imprecise
    Hits at IoU 0.5 hit at every threshold.

Where a nucleus is a hit at a threshold already, it is left alone there, so that no correction ever
lowers a score. The gain is the corrected mean ``dsb_ap`` less the present one; gains of several
kinds do not add up.

References
----------
D. Bolya, S. Foley, J. Hays, J. Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020, doi:10.1007/978-3-030-58580-8_33, does the same for COCO's average precision.
"""

# Kinds of nuclei; the kernels give indices into it.
KINDS = ("hit", "split", "merged", "poor_boundary", "missed", "spurious")
# What can be corrected, in the kernels' order.
CORRECTABLE = ("missed", "spurious", "split", "merged", "poor_boundary", "imprecise")
