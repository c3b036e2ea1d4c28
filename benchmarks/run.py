"""Runs all benchmarks, each in a process of its own; arguments name those to run."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    "cold_user",
    "cold_item",
    "neural",
    "learners",
    "meta_speed",
    "multitask",
    "distillation",
    "text_study",
    "rating",
    "published",
    "transfer",
    "continual",
    "meta_optimisers",
    "sentences",
    "search",
    "few_shot",
    "llm_tuning",
    "llm_ranking",
    "encoders",
    "grounding",
    "cost",
    "growth",
    "large",
    "policy",
    "drift",
    "poisoning",
    "live",
    "words",
    "fuzz",
)


def main(arguments: list[str]) -> int:
    """Run them one after the other and return the first exit code that is not 0."""
    unknown = [name for name in arguments if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    codes = []
    for name in arguments or BENCHMARKS:
        print(f"== {name}", flush=True)
        codes.append(
            subprocess.run([sys.executable, str(Path(__file__).with_name(f"{name}.py"))], check=False).returncode
        )
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
