"""One suite per protocol, run by every implementation."""
