"""``warmstart tune-llm``: a language model reads on, learns from K prompts, or learns to learn from them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, Seed, like_option
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadInput

if TYPE_CHECKING:
    from warmstart.core.run import Run
    from warmstart.data.dataset import Dataset
    from warmstart.meta.preference import Prompt
    from warmstart.meta.preference_tuning import TunedJudge
    from warmstart.representation.training_loop import Curve, LoopConfig

SAMPLE = "movielens-small"
Way = Literal["pretrain", "examples", "meta"]

WhichWay = Annotated[
    Way, typer.Option(help="Read a catalogue and histories on, learn from K prompts, or learn to learn from them.")
]
Source = Annotated[str | None, typer.Option(help=f"Whose items and histories; {SAMPLE} where no file is given.")]
TrainFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="examples: ready-made prompts in place of a data set.")
]
ValidationFile = Annotated[Path | None, typer.Option(metavar="FILE", help="examples: ready-made prompts to stop on.")]
Weights = Annotated[
    Path | None, typer.Option(metavar="PATH", help="A causal model to start from; the packaged SmolLM2 if none.")
]
Start = Annotated[
    Path | None, typer.Option(metavar="DIR", help="examples, meta: what an earlier run wrote, to go on from.")
]
People = Annotated[int | None, typer.Option(min=1, help="pretrain, meta: people to learn from at most; all if none.")]
"""Options of the command, which would make it too long a function."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune-llm")(tune_llm)


def tune_llm(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the weights.")],
    way: WhichWay = "meta",
    data: Source = None,
    train: TrainFile = None,
    validation: ValidationFile = None,
    weights: Weights = None,
    start: Start = None,
    shots: Annotated[int, typer.Option(min=1, help="examples: how many; meta: how many a task has.")] = 16,
    people: People = None,
    top: Annotated[int | None, typer.Option(min=1, help="How many of the highest layers learn; 10 if none.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the added weights; 8 if none.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Times that everything is gone through at most.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps at most, in place of --epochs.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="The highest step.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Time after which training ends.")] = None,
    like_from: LikeFrom = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Teach the local language model: what it writes serves warmstart few-shot --tuned and open_language_model.

    A run that was interrupted goes on from its last checkpoint when it is called again.
    """
    from warmstart.core.run import Run

    _check(way, (data, train, validation), start, rank, out)
    terminal = Terminal(as_json=as_json)
    run = Run(seed=seed, progress=terminal.progress)
    loop: dict[str, Any] = {
        name: value
        for name, value in (("epochs", epochs), ("steps", steps), ("rate", rate), ("seconds", seconds))
        if value
    }
    if epochs and not steps:  # examples go by steps unless told otherwise
        loop["steps"] = None
    place = out.resolve()
    kept = place.with_name(f".{place.name}.checkpoints")
    if way == "pretrain":
        found = _pretrained(_opened(data, like_from), out, weights, _of(top=top), loop, people, run, kept)
    else:
        judge = _judge(start, weights, _of(rank=rank, top=top))
        if way == "examples":
            told = _examples(data, train, validation, shots, like_from, seed)
            tuned = _taught(judge, told, loop, run, kept)
        else:
            tuned = _meta_tuned(judge, _opened(data, like_from), shots, people, loop, run, kept)
        tuned.save(out)
        found = _told(tuned.curve)
    shutil.rmtree(kept, ignore_errors=True)
    about = {"way": way, "out": str(out)} | found
    terminal.result(about, terminal.plain(_text(about)))


def _check(
    way: Way, sources: tuple[str | None, Path | None, Path | None], start: Path | None, rank: int | None, out: Path
) -> None:
    data, train, validation = sources
    faults = []
    if way != "examples" and (train or validation):
        faults.append("--train and --validation belong to --way examples.")
    if data and train:
        faults.append(f"--train brings its own prompts, so --data {data!r} cannot be given too.")
    if validation and not train:
        faults.append("--validation belongs to --train.")
    if way == "pretrain" and start:
        faults.append("--start holds added weights, which pretrain has none of. Give --weights.")
    if start and rank is not None:
        faults.append("--rank is that of --start.")
    if start and start.resolve() == out.resolve():
        faults.append("--out is the folder of --start; take another one.")
    if faults:
        raise BadInput(" ".join(faults))
    _refuse_to_replace(way, out)


def _refuse_to_replace(way: Way, out: Path) -> None:
    """Say before hours of work that the place is taken."""
    from warmstart.representation.causal_weights import WEIGHTS, refuse_to_replace
    from warmstart.representation.lora import WEIGHTS as ADDED

    refuse_to_replace(out, WEIGHTS if way == "pretrain" else ADDED)


def _of(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _opened(data: str | None, like_from: str) -> "Dataset":
    from warmstart.serving.engine import open_data

    return open_data(data or SAMPLE, **like_option(like_from))


def _loop(usual: "LoopConfig", given: dict[str, Any]) -> "LoopConfig":
    from warmstart.representation.training_loop import LoopConfig

    return LoopConfig.of(**usual.model_dump() | given)


def _pretrained(
    data: "Dataset",
    out: Path,
    weights: Path | None,
    size: dict[str, Any],
    loop: dict[str, Any],
    people: int | None,
    run: "Run",
    kept: Path,
) -> dict[str, Any]:
    from warmstart.meta.preference_corpus import people_of, readings
    from warmstart.representation.pretraining import PretrainingConfig, pretrain

    usual = PretrainingConfig()
    chosen = PretrainingConfig.of(**usual.model_dump() | size | {"loop": _loop(usual.loop, loop)})
    users, _ = people_of(data, people, run)
    found = pretrain(readings(data, users, run), out, weights, chosen, run, checkpoints=kept)
    before, after = found.perplexities
    return _told(found.curve) | {"tokens": found.tokens, "perplexity": {"before": before, "after": after}}


def _judge(start: Path | None, weights: Path | None, size: dict[str, Any]) -> "TunedJudge":
    from warmstart.meta.preference_tuning import TunedJudge
    from warmstart.representation.lora import LoraConfig, LoraNetwork

    if start is not None:
        return TunedJudge.open(start)
    return TunedJudge(LoraNetwork(weights, LoraConfig.of(**size)))


def _examples(
    data: str | None, train: Path | None, validation: Path | None, shots: int, like_from: str, seed: int
) -> "tuple[Sequence[Prompt], Sequence[Prompt]]":
    from warmstart.evaluation.few_shot import FewShotPreference, shuffled
    from warmstart.evaluation.few_shot_files import read_prompts

    if train is not None:
        learned, chosen = (shuffled(read_prompts(one), seed) if one else [] for one in (train, validation))
        return learned[:shots], chosen[:shots]
    parts = FewShotPreference().split(_opened(data, like_from), seed)
    return parts.train[:shots], parts.validation[:shots]


def _taught(
    judge: "TunedJudge",
    told: "tuple[Sequence[Prompt], Sequence[Prompt]]",
    loop: dict[str, Any],
    run: "Run",
    kept: Path,
) -> "TunedJudge":
    from dataclasses import replace

    chosen = judge.config.model_copy(update={"loop": _loop(judge.config.loop, loop)})
    return replace(judge, config=chosen).fit(*told, run, kept)


def _meta_tuned(
    judge: "TunedJudge",
    data: "Dataset",
    shots: int,
    people: int | None,
    loop: dict[str, Any],
    run: "Run",
    kept: Path,
) -> "TunedJudge":
    from warmstart.meta.preference_corpus import people_of
    from warmstart.meta.preference_meta import MetaTuningConfig, meta_tune, tasks_of

    usual = MetaTuningConfig()
    chosen = usual.model_copy(update={"loop": _loop(usual.loop, loop)})
    users, held = people_of(data, people, run)
    return meta_tune(judge, tasks_of(data, users, shots, run), tasks_of(data, held, shots, run)[:4], chosen, run, kept)


def _told(curve: "Curve | None") -> dict[str, Any]:
    return {"curve": None if curve is None else curve.document()}


def _text(about: dict[str, Any]) -> str:
    from warmstart.evaluation.text import aligned

    curve = about["curve"] or {"looks": [], "best": 0, "ended": "epochs"}
    rows = [["step", "loss", "validation", "seconds"]]
    for look in curve["looks"]:
        seen = "-" if look["validation"] is None else f"{look['validation']:.4f}"
        loss = "-" if look["loss"] is None else f"{look['loss']:.4f}"
        rows.append([str(look["step"]), loss, seen, f"{look['seconds']:.0f}"])
    if "perplexity" in about:
        shown = about["perplexity"]
        rows.append([f"perplexity {shown['before']:.2f} before, {shown['after']:.2f} after", "", "", ""])
        following = f"warmstart tune-llm --weights {about['out']} --out ANOTHER"
    else:
        following = f"warmstart few-shot --tuned {about['out']} --rows tuned --most 200"
    end = f"The weights of step {curve['best']} were taken; saved to {about['out']}. Next: {following}"
    return "\n".join([*aligned(rows), end])
