"""Tasks to a prior: the k-shot prior, its blend and the meta-optimiser."""
