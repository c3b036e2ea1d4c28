"""The name table: every recommender by the name that settings, files and the command line use."""

import difflib
import importlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from warmstart.core.artefact import read_artefact
from warmstart.core.errors import BadInput, BadModelFile
from warmstart.recommenders.base import Recommender

RECOMMENDERS: dict[str, str] = {
    "random": "warmstart.recommenders.random:Random",
    "popularity": "warmstart.recommenders.popularity:Popularity",
    "item_knn": "warmstart.recommenders.item_knn:ItemKNN",
    "user_knn": "warmstart.recommenders.user_knn:UserKNN",
    "ease": "warmstart.recommenders.ease:EASE",
    "als": "warmstart.recommenders.als:ALS",
    "item2vec": "warmstart.recommenders.item2vec:Item2Vec",
    "content": "warmstart.recommenders.content:Content",
    "embedding_mlp": "warmstart.recommenders.neural.embedding_mlp:EmbeddingMLP",
    "two_tower": "warmstart.recommenders.neural.two_tower:TwoTower",
    "neural_cf": "warmstart.recommenders.neural.neural_cf:NeuralCF",
    "gru": "warmstart.recommenders.neural.gru:GRU",
    "lstm": "warmstart.recommenders.neural.lstm:LSTM",
    "sasrec": "warmstart.recommenders.neural.sasrec:SASRec",
    "cross_attention": "warmstart.recommenders.neural.cross_attention:CrossAttention",
    "text_cnn": "warmstart.recommenders.neural.text_cnn:TextCNN",
    "hybrid": "warmstart.recommenders.hybrid:Hybrid",
    "meta": "warmstart.meta.recommender:MetaRecommender",
    "maml": "warmstart.meta.learners.served:MAMLRecommender",
    "fomaml": "warmstart.meta.learners.served:FirstOrderMAMLRecommender",
    "anil": "warmstart.meta.learners.served:ANILRecommender",
    "meta_sgd": "warmstart.meta.learners.served:MetaSGDRecommender",
    "reptile": "warmstart.meta.learners.served:ReptileRecommender",
    "r2d2": "warmstart.meta.learners.served:R2D2Recommender",
    "prototypes": "warmstart.meta.learners.served:PrototypesRecommender",
    "cnp": "warmstart.meta.learners.served:CNPRecommender",
    "attentive": "warmstart.meta.learners.served:AttentiveRecommender",
    "multitask": "warmstart.meta.learners.multitask_served:MultiTaskRecommender",
    "melu": "warmstart.meta.learners.melu_served:MeLURecommender",
    "student": "warmstart.meta.distillation.student:Student",
}
"""Name to ``module:class``; a module is imported when its recommender is asked for."""
GROUP = "warmstart.recommenders"
"""Entry points under which other installed packages offer recommenders; none takes the name of one of ours."""


def names() -> list[str]:
    """Return the names of all recommenders, those that other installed packages offer among them, in order."""
    RECOMMENDERS.update({one.name: one.value for one in entry_points(group=GROUP) if one.name not in RECOMMENDERS})
    return sorted(RECOMMENDERS)


def register(found: type[Recommender]) -> type[Recommender]:
    """Put a recommender of your own into the name table of this process, and return it; works as a decorator.

    A package that offers one to every command and server names it as an entry point of ``warmstart.recommenders``.

    Args:
        found: a class with a name that no other has, importable from its module.

    Raises:
        BadInput: the name is taken.

    Example:
        >>> import warmstart as ws
        >>> from warmstart.recommenders.table import register
        >>> register(ws.recommender("popularity").__class__)
        Traceback (most recent call last):
        warmstart.core.errors.BadInput: There is a recommender 'popularity' already. Give yours another name.
    """
    if found.name in RECOMMENDERS:
        raise BadInput(f"There is a recommender {found.name!r} already. Give yours another name.")
    RECOMMENDERS[found.name] = f"{found.__module__}:{found.__qualname__}"
    return found


def recommender_class(name: str) -> type[Recommender]:
    """Return the class of a recommender; raises ``BadInput`` naming the nearest names.

    Example:
        >>> from warmstart.recommenders.table import recommender_class
        >>> recommender_class("popularity").__name__
        'Popularity'
    """
    # other packages' are looked up when a name is not one of ours: that takes longer than all else that is done here
    place = RECOMMENDERS[name] if name in RECOMMENDERS or name in names() else None
    if place is None:
        close = difflib.get_close_matches(str(name), RECOMMENDERS, n=3, cutoff=0.4)
        nearest = f" Nearest: {', '.join(close)}." if close else ""
        raise BadInput(f"There is no recommender {name!r}.{nearest} There are: {', '.join(RECOMMENDERS)}.")
    module, _, attribute = place.partition(":")
    found: type[Recommender] = getattr(importlib.import_module(module), attribute)
    return found


def recommender(name: str, **settings: Any) -> Recommender:
    """Build a recommender that is ready to be fitted.

    Args:
        name: one of ``RECOMMENDERS``.
        **settings: fields of its ``config_class``.

    Raises:
        BadInput: there is no such recommender.
        BadConfig: settings are unknown or out of range.

    Example:
        >>> import warmstart as ws
        >>> ws.recommender("ease", regularisation=50).config.regularisation
        50.0
    """
    return recommender_class(name)(**settings)


def load(path: str | Path) -> Recommender:
    """Read a saved model of any kind; needs neither the training data nor the packages it was trained with.

    Raises:
        BadModelFile: the folder is not one that ``save`` wrote, or is damaged or newer.
    """
    header, arrays = read_artefact(Path(path))
    name = header.get("recommender")
    if name not in RECOMMENDERS and name not in names():
        raise BadModelFile(f"{path} holds a {name!r}, which this Warmstart does not know. Update Warmstart.")
    return recommender_class(name).restore(header, arrays)
