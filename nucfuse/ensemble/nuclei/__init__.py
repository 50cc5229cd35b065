"""nuclei."""
