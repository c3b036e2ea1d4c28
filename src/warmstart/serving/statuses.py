"""Which of our errors is which status of HTTP, for the API and the console alike."""

from warmstart.core.errors import (
    BadInput,
    BadModelFile,
    Conflict,
    ModelUnavailable,
    NotExplainable,
    NotFound,
    Overloaded,
    StoreFull,
    StoreUnavailable,
    UnknownItem,
    Unsupported,
    WarmstartError,
)

STATUS: tuple[tuple[type[WarmstartError], int], ...] = (
    (UnknownItem, 404),
    (NotFound, 404),
    (Conflict, 422),
    (NotExplainable, 422),
    (Unsupported, 422),
    (BadModelFile, 422),
    (BadInput, 422),
    (StoreFull, 507),
    (StoreUnavailable, 503),
    (Overloaded, 503),
    (ModelUnavailable, 503),
)
"""The more special class first."""


def status_of(error: WarmstartError) -> int:
    """Return the status of one of our errors; 500 for one that should not have come this far.

    Example:
        >>> from warmstart.core.errors import NotFound, NotFitted
        >>> from warmstart.serving.statuses import status_of
        >>> status_of(NotFound("no such user")), status_of(NotFitted("never"))
        (404, 500)
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)
