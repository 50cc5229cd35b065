"""stains."""
