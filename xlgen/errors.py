"""The one exception that means: the input or the request is at fault, not the program.

The command line prints its message on one line and exits with 2; nothing else is printed so.
"""


class InputError(ValueError):
    """Say what was expected, what came (file and line), and what to do."""


class MissingError(InputError):
    """What is asked for is not here, or never was in the data set; nothing of it is damaged."""
