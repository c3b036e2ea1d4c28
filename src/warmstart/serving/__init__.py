"""The engine that wires the rooms."""
