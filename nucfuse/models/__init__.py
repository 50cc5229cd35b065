"""Models that segment nuclei, and their registry."""
