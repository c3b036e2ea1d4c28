"""Meta-optimisers: one protocol over the same tasks, from random search to gradients."""
