"""Words about items, lists and scores that say nothing but facts."""
