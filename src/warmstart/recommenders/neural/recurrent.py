"""The steps of recurrent networks, by hand, so that they run in numpy as in torch."""

import numpy as np

from warmstart.recommenders.neural.arrays import Array, Library
from warmstart.recommenders.neural.network import Events, Shapes, Weights


def recurrent_shapes(d: int, gates: int) -> Shapes:
    """Return what so many gates need: a map of the event, a map of the state, a bias; and a map of the last state."""
    maps: Shapes = {"gates.event": (d, gates * d), "gates.state": (d, gates * d), "gates.bias": (gates * d,)}
    return maps | {"answer": (d, d), "answer.bias": (d,)}


def asked_states(library: Library, weights: Weights, states: list[Array], events: Events) -> Array:
    """Return the states after the events that are asked for, mapped among the items, [n, m, d].

    Args:
        library: numpy or torch.
        weights: by name.
        states: after each event, one [n, d] an event.
        events: tell which are asked for.
    """
    whole = library.pile(states, 1)  # [n, longest, d]
    rows = library.constant(rows_of(events))
    return library.drop(whole[rows, events.last]) @ weights["answer"] + weights["answer.bias"]


def rows_of(events: Events) -> Array:
    """Return the number of each person's row beside each state that is asked for, [n, 1]."""
    return np.arange(len(events.mask))[:, None]
