"""One catalogue's prior meets another: what is carried over by text, and what its users then correct."""
