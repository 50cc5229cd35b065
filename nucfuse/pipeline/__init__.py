"""The steps over a data set (pairing, workers, failures), a module per group of commands."""
