"""Recommenders that are networks: trained with torch, answering with numpy."""
