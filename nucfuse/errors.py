"""The error that means "the user's input is at fault", light enough for the command line to import."""


class DataError(ValueError):
    """Something is wrong with a user's file; the message says what, where and what to do."""
