"""Results as text for people and as files for machines."""
