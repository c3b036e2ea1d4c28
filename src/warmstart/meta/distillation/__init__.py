"""From a large teacher to a small student that answers in microseconds."""
