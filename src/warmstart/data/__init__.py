"""Three tables in, checked; ids to indices; splits; episodes; the built-in data sets."""
