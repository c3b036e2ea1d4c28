"""The numbers of the few-shot protocol, by row, K and seed, and how they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from warmstart.evaluation.metrics import Doubles
from warmstart.evaluation.pooled_auc import interval
from warmstart.evaluation.statistics import Estimate
from warmstart.evaluation.text import aligned


@dataclass(frozen=True)
class Measurement:
    """One row after K examples of one seed.

    Args:
        label: the row.
        seed: of the split and of the draw of examples.
        k: examples asked for.
        shown: examples there were.
        auc: the area with its interval over users.
        drawn: the area in each bootstrap sample, float64 [draws].
        train_cpu: CPU seconds of learning, with what was carried over.
        batch_ms: CPU milliseconds a prompt, all at once.
        single_ms: CPU milliseconds a prompt, one at a time.
    """

    label: str
    seed: int
    k: int
    shown: int
    auc: Estimate
    drawn: Doubles = field(repr=False)
    train_cpu: float
    batch_ms: float
    single_ms: float


@dataclass(frozen=True)
class FewShotReport:
    """All measurements, and what a reader must know of them."""

    found: tuple[Measurement, ...]
    about: Mapping[str, Any]

    @property
    def labels(self) -> list[str]:
        """Row labels, in order."""
        return list(dict.fromkeys(one.label for one in self.found))

    @property
    def shots(self) -> list[int]:
        """Numbers of examples, rising."""
        return sorted({one.k for one in self.found})

    def auc(self, label: str, k: int) -> Estimate:
        """Return a row's area after K examples: the mean over seeds, with the interval of that mean.

        Test users of different seeds overlap in part, which the interval leaves out; ``by_seed`` shows each.
        """
        some = self._of(label, k)
        drawn = np.mean([one.drawn for one in some], axis=0)
        return interval(float(np.mean([one.auc.mean for one in some])), drawn, min(one.auc.n for one in some))

    def difference(self, label: str, other: str, k: int) -> Estimate:
        """Return how far a row is above another after K examples, paired over users."""
        pairs = list(zip(self._of(label, k), self._of(other, k), strict=True))
        drawn = np.mean([one.drawn - two.drawn for one, two in pairs], axis=0)
        mean = float(np.mean([one.auc.mean - two.auc.mean for one, two in pairs]))
        return interval(mean, drawn, min(one.auc.n for one, _ in pairs))

    def by_seed(self, label: str, k: int) -> dict[int, float]:
        """Return a row's area of each seed."""
        return {one.seed: one.auc.mean for one in self._of(label, k)}

    def document(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {"about": dict(self.about), "rows": [self._row(label) for label in self.labels]}

    def text(self) -> str:
        """Return a table: a column for each K, then what a row cost."""
        head = [
            "row",
            *(f"K={k}" for k in self.shots),
            "95% interval, last K",
            "train CPU s",
            "ms a prompt",
            "alone ms",
        ]
        lines = aligned([head, *(self._cells(label) for label in self.labels)])
        return "\n".join([self._title(), "", *lines])

    def _title(self) -> str:
        seeds = ", ".join(map(str, self.about.get("by seed", {}))) or "-"
        return f"Few-shot preference · {self.about.get('data', '-')} · AUC over users · seeds {seeds}"

    def _cells(self, label: str) -> list[str]:
        last = self._of(label, self.shots[-1])
        cost = [float(np.mean([getattr(one, name) for one in last])) for name in ("train_cpu", "batch_ms", "single_ms")]
        areas = [self.auc(label, k) for k in self.shots]
        low, high = areas[-1].low, areas[-1].high
        whole = "-" if low is None or high is None else f"[{low:.4f}, {high:.4f}]"
        return [
            label,
            *(f"{one.mean:.4f}" for one in areas),
            whole,
            f"{cost[0]:.2f}",
            f"{cost[1]:.3f}",
            f"{cost[2]:.3f}",
        ]

    def _row(self, label: str) -> dict[str, Any]:
        return {"row": label, "k": {str(k): self._point(label, k) for k in self.shots}}

    def _point(self, label: str, k: int) -> dict[str, Any]:
        one, some = self.auc(label, k), self._of(label, k)
        return {
            "auc": _rounded(one.mean),
            "low": _rounded(one.low),
            "high": _rounded(one.high),
            "users": one.n,
            "examples": min(measured.shown for measured in some),
            "by seed": {str(measured.seed): _whole(measured.auc) for measured in some},
            "train_cpu_s": _rounded(float(np.mean([measured.train_cpu for measured in some]))),
            "ms_a_prompt": _rounded(float(np.mean([measured.batch_ms for measured in some]))),
            "ms_alone": _rounded(float(np.mean([measured.single_ms for measured in some]))),
        }

    def _of(self, label: str, k: int) -> list[Measurement]:
        return [one for one in self.found if one.label == label and one.k == k]


def _whole(one: Estimate) -> list[float | None]:
    return [_rounded(one.mean), _rounded(one.low), _rounded(one.high)]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
