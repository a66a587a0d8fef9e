"""Draw docs/architecture.svg: which part of the package imports which, as the code stands.

    python docs/draw_architecture.py

Floors and imports are those of tests/package/test_imports.py, which fails where an import leads up;
so every arrow points down. Arrows that follow from others are left out, and so are those to the
foundations, which everything may import. Building the pages draws it, too.
"""

import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "package"))
from test_imports import FLOORS, graph  # noqa: E402

SOURCES, C_SOURCES = ROOT / "scalecore", ROOT / "csrc"
PICTURE = ROOT / "docs" / "architecture.svg"
FOUNDATIONS = "_views", "_common", "_core", "csrc"
WIDTH, GAP, MARGIN, LINE, TITLE = 1000, 44, 16, 14, 30  # in pixels


def part_of(module):
    """The folder or module directly in scalecore; nothing for scalecore itself."""
    return module.partition(".")[2].partition(".")[0]


def modules_of_parts():
    """The modules of each part, compiled ones included, and the folders of the C sources."""
    found = {part: [] for module in graph() if (part := part_of(module)) not in ("", "__main__")}
    found["csrc"] = sorted({path.parent.name for path in C_SOURCES.glob("*/*.[ch]")})
    for path in sorted([*SOURCES.glob("*/*.py"), *SOURCES.glob("*/*.pyx")]):
        if path.stem != "__init__" and path.parent.name in found:
            found[path.parent.name].append(path.stem)
    return found


def imports(parts):
    """What each part imports of the others, foundations aside."""
    below = {part: set() for part in parts}
    for module, imported in graph().items():
        part = part_of(module)
        if part in below:
            others = {part_of(other) for other in imported}
            below[part] |= others & set(parts) - {part, *FOUNDATIONS}
    return below


def reachable(below, part):
    found = set()
    for other in below[part]:
        found |= {other} | reachable(below, other)
    return found


def arrows(below):
    """Imports that do not follow from others."""
    for part, others in below.items():
        implied = set().union(*(reachable(below, other) for other in others))
        yield from ((part, other) for other in sorted(others - implied))


def lines_of(modules, columns):
    """The names of modules, broken into lines."""
    lines = [""]
    for name in modules:
        if lines[-1] and len(lines[-1]) + len(name) + 1 > columns:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + name
    return lines


def rows_of(below):
    """The parts of each floor from the top, each below the middle of what imports it."""
    middle = {}

    def wanted(part):
        above = [middle[other] for other in middle if part in below[other]]
        return (sum(above) / len(above) if above else 0.5, part)

    for floor in [*reversed(FLOORS), {"csrc"}]:
        row = sorted(floor & set(below), key=wanted)
        middle |= {part: (place + 0.5) / len(row) for place, part in enumerate(row)}
        if row:
            yield row


def places(below, modules):
    """Left edge, top edge, width, height and lines of each box."""
    found, top = {}, MARGIN
    for row in rows_of(below):
        most = WIDTH if set(row) <= set(FOUNDATIONS) else 300
        width = min(most, (WIDTH - MARGIN * (len(row) + 1)) // len(row))
        space = (WIDTH - width * len(row)) / (len(row) + 1)
        lines = {part: lines_of(modules[part], int(width / 6.4)) for part in row}
        height = TITLE + LINE * max(map(len, lines.values()))
        for place, part in enumerate(row):
            left = round(space * (place + 1) + width * place)
            found[part] = (left, top, width, height, lines[part])
        top += height + (GAP if most < WIDTH else MARGIN)
    return found


def box(part, place):
    left, top, width, height, lines = place
    middle = left + width / 2
    yield f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>'
    yield f'<text x="{middle}" y="{top + 20}" class="part">{escape(part)}</text>'
    for line, names in enumerate(lines):
        yield f'<text x="{middle}" y="{top + 36 + LINE * line}">{escape(names)}</text>'


def arrow(start, end):
    x0, y0 = start[0] + start[2] / 2, start[1] + start[3]
    x1, y1 = end[0] + end[2] / 2, end[1] - 2
    bend = (y1 - y0) / 2
    return f'<path d="M{x0} {y0} C{x0} {y0 + bend} {x1} {y1 - bend} {x1} {y1}"/>'


STYLE = """
svg { background: white; font-family: sans-serif; font-size: 11px; text-anchor: middle }
rect { fill: #f4f1f8; stroke: #482475 }
path { fill: none; stroke: #2a788e; marker-end: url(#head) }
.part { font-size: 15px; font-weight: bold }
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><polygon points="0 1 8 4 0 7" fill="#2a788e"/></marker></defs>'
)


def description(below):
    """What the picture shows, for those who cannot see it."""
    lines = [f"{part} imports {other}" for part, other in arrows(below)]
    return f"<desc>{'; '.join([', '.join(sorted(below)), *sorted(lines)])}</desc>"


def picture():
    modules = modules_of_parts()
    below = imports(modules)
    place = places(below, modules)
    height = max(top + height for _, top, _, height, _ in place.values()) + MARGIN
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    rows = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', description(below)]
    rows += [f"<style>{STYLE}</style>", HEAD]
    rows += [arrow(place[part], place[other]) for part, other in arrows(below)]
    for part in sorted(modules):
        rows += box(part, place[part])
    return "\n".join([*rows, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
