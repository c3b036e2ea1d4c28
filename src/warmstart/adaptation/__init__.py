"""One user over time: from a log of events to a profile, how it drifts, and what policy ranks with it."""
