"""What a key may do."""

ROLES = ("read", "write", "admin")
"""Each may do what those before it may."""


def reaches(role: str, needed: str) -> bool:
    """Return whether somebody with a role may do what another one may.

    Example:
        >>> from warmstart.serving.roles import reaches
        >>> reaches("write", "read"), reaches("read", "write")
        (True, False)
    """
    return ROLES.index(role) >= ROLES.index(needed)
