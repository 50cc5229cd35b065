"""The commands, one a file; everything heavy is imported inside them."""
