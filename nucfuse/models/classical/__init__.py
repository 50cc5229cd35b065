"""Models without training: `otsu`, `adaptive`, `laplacian_of_gaussian`; `signal` serves all three.

Public: `otsu.Otsu`, `adaptive.Adaptive`, `laplacian_of_gaussian.LaplacianOfGaussian`.
"""
