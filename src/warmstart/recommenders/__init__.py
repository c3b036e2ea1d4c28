"""Histories to scores: the recommenders of the name table, their contract and the ``Profile``."""
