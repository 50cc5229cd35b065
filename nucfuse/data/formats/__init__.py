"""One file per format; each has matches, open_dataset and write where they make sense."""
