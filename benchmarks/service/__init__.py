"""How the live server is measured; ``benchmarks/live.py`` runs it."""
