"""Who sits at this terminal."""

import getpass


def user() -> str:
    """Return the name of the user, as far as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number
        return "unknown"
