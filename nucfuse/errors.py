"""The error that says the user's input is at fault; light, for the command line imports it."""


class DataError(ValueError):
    """Something is wrong with a user's file; the message says what, where and what to do."""
