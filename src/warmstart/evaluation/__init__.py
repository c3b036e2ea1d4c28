"""Watchers: metrics, protocols, learning curves, reports."""
