"""Suppression and weighted fusion of plain boxes (`boxes`), and checks of them (`input`)."""
