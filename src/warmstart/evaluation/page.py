"""The learning curve as a page that needs nothing else: an inline SVG and the numbers beneath it."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

from warmstart.evaluation.curve import Line, caption, lines_of, place_of, span, spread, ticks
from warmstart.evaluation.results import Results
from warmstart.evaluation.text import whole

WIDTH, HEIGHT = 900, 500
LEFT, RIGHT, TOP, BOTTOM = 56, 216, 18, 50
ROW = 30
LABEL_GAP = 17
Scale = Callable[[float], float]

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #22272e; --soft: #59636e; --rule: #d9dde2; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e8ebee; --soft: #a3adb8; --rule: #343b43; }
  .line { filter: brightness(1.35) saturate(0.9); }
}
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0; }
p { color: var(--soft); margin: 0.2rem 0 1rem; }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--soft); }
svg .rule { stroke: var(--rule); }
svg .axis { stroke: var(--soft); }
svg .label { fill: currentColor; }
svg .ours { font-weight: 700; }
pre { overflow-x: auto; font-size: 13px; color: var(--ink); }
""".strip()


def draw_page(results: Results, measure: str | None = None) -> str:
    """Return a self-contained HTML page with the picture and the report's text; light and dark as the reader has it."""
    title, subtitle = caption(results, measure)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}\n</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(subtitle)}</p>",
            draw_svg(results, measure),
            f"<pre>{escape(whole(results))}</pre>",
            "</body></html>",
            "",
        ]
    )


def draw_svg(results: Results, measure: str | None = None) -> str:
    """Return the picture as an SVG element with a title and a description for those who cannot see it."""
    lines = lines_of(results, measure)
    title, _ = caption(results, measure)
    one_point = len(results.shots) == 1
    height = TOP + BOTTOM + ROW * len(lines) if one_point else HEIGHT
    names = 'role="img" aria-labelledby="curve-title curve-desc" xmlns="http://www.w3.org/2000/svg"'
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" {names}>',
        f'<title id="curve-title">{escape(title)}</title>',
        f'<desc id="curve-desc">{escape(_description(lines))}</desc>',
    ]
    if lines:
        name = measure or results.headline
        parts += _rows(lines, name, height) if one_point else _curves(lines, results.shots)
    return "\n".join([*parts, "</svg>"])


def _description(lines: Sequence[Line]) -> str:
    told = []
    for line in reversed(lines):
        points = ", ".join(f"{mean:.3f} at {k}" for k, mean in zip(line.shots, line.mean, strict=True))
        told.append(f"{line.label}: {points}.")
    return " ".join(told)


def _curves(lines: Sequence[Line], shots: Sequence[int]) -> list[str]:
    levels = ticks(*span(lines))
    across = _scale(place_of(shots[0]), place_of(shots[-1]), LEFT + 10, WIDTH - RIGHT - 10)
    up = _scale(levels[0], levels[-1], HEIGHT - BOTTOM, TOP)
    parts = []
    for level in levels:
        parts.append(_stroke(LEFT, up(level), WIDTH - RIGHT, up(level), 'class="rule"'))
        parts.append(_text(LEFT - 8, up(level) + 4, f"{level:g}", "end"))
    parts += [_text(across(place_of(k)), HEIGHT - BOTTOM + 20, str(k), "middle") for k in shots]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "events known of the user (k)", "middle"))
    ends = spread([up(line.mean[-1]) for line in lines], LABEL_GAP, TOP, HEIGHT - BOTTOM)
    for line, end in zip(lines, ends, strict=True):
        parts += [_open(line), *_curve(line, across, up), *_label(line, across, up, end), "</g>"]
    return parts


def _curve(line: Line, across: Scale, up: Scale) -> list[str]:
    places = [across(place_of(k)) for k in line.shots]
    path = _path(zip(places, map(up, line.mean), strict=True))
    parts = []
    if line.interval == "band":
        below, above = zip(places, map(up, line.low), strict=True), zip(places, map(up, line.high), strict=True)
        band = _path([*below, *reversed(list(above))])
        parts.append(f'<polygon points="{band}" fill="currentColor" fill-opacity="0.14"/>')
    if line.interval == "bars":
        ranges, look = zip(places, line.low, line.high, strict=True), 'stroke="currentColor" stroke-opacity="0.4"'
        parts += [_stroke(x, up(low), x, up(high), look) for x, low, high in ranges]
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    width, radius = (3.5, 4.5) if line.ours else (1.6, 2.6)
    parts.append(f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="{width}"{dash}/>')
    return parts + [_dot(x, up(mean), radius) for x, mean in zip(places, line.mean, strict=True)]


def _label(line: Line, across: Scale, up: Scale, end: float) -> list[str]:
    x, y, start = across(place_of(line.shots[-1])), up(line.mean[-1]), WIDTH - RIGHT + 16
    leader = _stroke(x + 5, y, start - 4, end, 'stroke="currentColor" stroke-opacity="0.5"')
    return [leader, _text(start, end + 4, line.words, "start", _label_class(line))]


def _rows(lines: Sequence[Line], measure: str, height: int) -> list[str]:
    levels, start, stop = ticks(*span(lines)), RIGHT, WIDTH - LEFT - 20
    across = _scale(levels[0], levels[-1], start, stop)
    parts = []
    for level in levels:
        parts.append(_stroke(across(level), TOP, across(level), height - BOTTOM, 'class="rule"'))
        parts.append(_text(across(level), height - BOTTOM + 20, f"{level:g}", "middle"))
    parts.append(_text((start + stop) / 2, height - 8, measure, "middle"))
    for place, line in enumerate(reversed(lines)):
        y = TOP + ROW * (place + 0.5)
        low, mean, high = (across(amount) for amount in (line.low[0], line.mean[0], line.high[0]))
        parts += [
            _open(line),
            _text(start - 12, y + 4, line.label, "end", _label_class(line)),
            _stroke(low, y, high, y, 'stroke="currentColor" stroke-width="2"'),
            _dot(mean, y, 6 if line.ours else 4.5),
            _text(high + 8, y + 4, f"{line.mean[0]:.3f}", "start", "label"),
            "</g>",
        ]
    return parts


def _scale(low: float, high: float, first: float, last: float) -> Scale:
    return lambda amount: first + (amount - low) / ((high - low) or 1.0) * (last - first)


def _open(line: Line) -> str:
    return f'<g class="line" style="color: {line.colour}"><title>{escape(line.label)}</title>'


def _label_class(line: Line) -> str:
    return "label ours" if line.ours else "label"


def _stroke(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {look}/>'


def _dot(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="currentColor"/>'


def _text(x: float, y: float, words: str, anchor: str, look: str = "") -> str:
    kind = f' class="{look}"' if look else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
