"""Learners that learn to learn: many tasks in, a prior out; a prior and a few events in, an adapted person out."""
