"""``warmstart few-shot``: yes or no to a title after a few liked and disliked ones, every row at every K."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from warmstart.cli.options import AsJson, ConfigFile, LikeFrom, like_option
from warmstart.cli.terminal import Terminal
from warmstart.core.errors import BadConfig, BadInput

if TYPE_CHECKING:
    from warmstart.core.run import Run
    from warmstart.evaluation.few_shot import FewShotPreference, PromptParts
    from warmstart.meta.preference_table import Carried

SAMPLE = "movielens-small"
NONE = "none"

MadeOf = Annotated[
    str | None, typer.Option(help=f"A data set whose events make the prompts; {SAMPLE} where no file is given.")
]
TestFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Ready-made prompts to be measured on, one JSON object a line.")
]
TrainFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Ready-made prompts that the examples are drawn from.")
]
ValidationFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Ready-made prompts to stop on; may be left out.")
]
Tuned = Annotated[
    Path | None, typer.Option(metavar="DIR", help="What warmstart tune-llm wrote; it adds the row tuned.")
]
Rows = Annotated[
    str,
    typer.Option(
        help="Which rows, such as blend,process; all means all that read words only, and tuned where it is given. "
        "Those that ask a language model are minilm likeness, zero-shot, lora, tuned."
    ),
]
"""Options of the command, which would make it too long a function."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("few-shot")(few_shot)


def few_shot(
    data: MadeOf = None,
    test: TestFile = None,
    train: TrainFile = None,
    validation: ValidationFile = None,
    knowledge: Annotated[
        str, typer.Option(help="A data set of other people whose likes are carried over by title, or none.")
    ] = NONE,
    tuned: Tuned = None,
    rows: Rows = "all",
    most: Annotated[
        int | None,
        typer.Option(min=1, help="Test prompts at most; a language model takes tenths of a second for each."),
    ] = None,
    shots: Annotated[str, typer.Option(help="Training examples in all, each number in turn.")] = "0,16,64,256",
    seeds: Annotated[str, typer.Option(help="Seeds of splits and draws; the figures are means over them.")] = "0,1,2",
    by: Annotated[
        Literal["users", "time"], typer.Option(help="How prompts of a data set are split; by time, the newest 10,000.")
    ] = "users",
    like_from: LikeFrom = "auto",
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the prompts of the first seed, as ready-made files.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Ask whether people like a title, given ten that they liked or disliked, after K examples in all.

    A line of a file is {"user": "1", "liked": [titles], "disliked": [titles], "target": title, "label": 0 or 1}.
    """
    from warmstart.core.run import Run
    from warmstart.evaluation.few_shot import FewShotPreference
    from warmstart.meta.preference_table import WITH_KNOWLEDGE, scorer

    _check(data, test, (train, validation), knowledge)
    names = _names(rows, knowledge, tuned)
    counts = (0,) if test and not train else _numbers(shots, "--shots")
    protocol = FewShotPreference.of(shots=counts, seeds=_numbers(seeds, "--seeds"), by=by, most=most)
    terminal = Terminal(as_json=as_json)
    if test:
        parts = {seed: protocol.ready(train, validation, test, seed) for seed in protocol.seeds}
    else:
        parts = _made(protocol, data or SAMPLE, like_from)
    if write:
        terminal.note(f"prompts written to {_written(parts[protocol.seeds[0]], write)}")
    run = Run(seed=protocol.seeds[0], progress=terminal.progress)
    carried, spent = _carried(knowledge, run)
    carried = replace(carried, tuned=tuned)
    chosen = {name: scorer(name, carried) for name in names}
    report = protocol.measure(chosen, parts, run, dict.fromkeys(WITH_KNOWLEDGE, spent))
    about = {"knowledge": knowledge, "knowledge_cpu_s": round(spent, 3)}
    terminal.result(about | report.document(), terminal.plain(report.text()))


def _check(data: str | None, test: Path | None, others: Sequence[Path | None], knowledge: str) -> None:
    if test and data:
        raise BadInput(f"--test brings its own prompts, so --data {data!r} cannot be given too. Leave one of them out.")
    if any(others) and not test:
        raise BadInput("--train and --validation belong to --test. Give --test FILE, or --data NAME instead of all.")
    if not test and knowledge == (data or SAMPLE):
        raise BadInput(
            f"--knowledge {knowledge!r} holds the events of those who are asked. Carry over another data set."
        )


def _made(protocol: "FewShotPreference", name: str, like_from: str) -> "dict[int, PromptParts]":
    from warmstart.serving.engine import open_data

    data = open_data(name, **like_option(like_from))
    return {seed: protocol.split(data, seed) for seed in protocol.seeds}


def _carried(knowledge: str, run: "Run") -> "tuple[Carried, float]":
    """Return what rows start from, and the CPU seconds that it took."""
    from warmstart.data.builtin import load_dataset
    from warmstart.evaluation.cost import Stopwatch
    from warmstart.meta.preference_facts import TitleReader
    from warmstart.meta.preference_table import Carried
    from warmstart.serving.engine import open_data

    reader = TitleReader.of(load_dataset(SAMPLE).items)
    if knowledge == NONE:
        return Carried(reader=reader), 0.0
    watch, other = Stopwatch(), open_data(knowledge)
    with watch.running():
        found = Carried.of(other, run, reader)
    return found, watch.cpu


def _names(rows: str, knowledge: str, tuned: Path | None) -> list[str]:
    """Return the rows that were asked for; raises ``BadInput`` for one that is unknown or cannot be run."""
    from warmstart.meta.preference_table import ALONE, SCORERS, WITH_KNOWLEDGE, scorer

    possible = [*ALONE, *(WITH_KNOWLEDGE if knowledge != NONE else ()), *(("tuned",) if tuned else ())]
    found = possible if rows == "all" else [name.strip() for name in rows.split(",") if name.strip()]
    if not found:
        raise BadConfig(f"--rows takes names such as blend,process; there are: {', '.join(SCORERS)}.")
    for name in found:
        if name not in SCORERS or (name in WITH_KNOWLEDGE and knowledge == NONE) or (name == "tuned" and not tuned):
            scorer(name)
    return list(dict.fromkeys(found))


def _numbers(listed: str, flag: str) -> tuple[int, ...]:
    """Read ``0,16,64``; raises ``BadConfig`` that names the flag.

    Example:
        >>> from warmstart.cli.few_shot import _numbers
        >>> _numbers("0, 16", "--shots")
        (0, 16)
    """
    try:
        found = tuple(dict.fromkeys(int(part) for part in listed.split(",") if part.strip()))
    except ValueError:
        found = ()
    if not found or min(found) < 0:
        raise BadConfig(f"{flag} takes whole numbers from 0 on, such as 0,16,64; came: {listed!r}.")
    return found


def _written(parts: "PromptParts", folder: Path) -> Path:
    from warmstart.evaluation.few_shot_files import write_prompts

    for name, prompts in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        write_prompts(prompts, folder / f"{name}.jsonl")
    return folder
