"""The report of a fitted law: one HTML file without requests or scripts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape
from io import StringIO
from typing import Any

_MOST_MARKS = 3000  # points of a picture that stay vectors; of more the file would be huge
_CSS = """
:root{color-scheme:light dark;--page:#fff;--ink:#151515;--dim:#555;--line:#bbb;--shade:#f3f3f3}
@media(prefers-color-scheme:dark){
:root{--page:#151515;--ink:#eee;--dim:#aaa;--line:#555;--shade:#242424}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem;
background:var(--page);color:var(--ink);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.answer{font-size:1.15rem;border-left:.3rem solid var(--ink);padding:.1rem 1rem;margin:1rem 0}
.table-wrapper{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption,figcaption,small{color:var(--dim);text-align:left;font-size:.85rem}
td,th{padding:.25rem .9rem .25rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line)}
td small{display:block;white-space:nowrap}
pre{background:var(--shade);padding:.7rem 1rem;white-space:pre-wrap;font-size:.85rem}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
figure{margin:0}
svg{max-width:100%;height:auto;background:#fff;border-radius:.3rem}
@media print{:root{--page:#fff;--ink:#000;--dim:#333;--line:#888;--shade:#fff}
body{max-width:none;padding:0}.table-wrapper{overflow:visible}figure,tr{break-inside:avoid}
h2{break-after:avoid}pre{border:1px solid #888}}
"""


def cell(value: object) -> str:
    """Return what stands in a cell; of a pair the second part stands below the first, smaller."""
    if isinstance(value, tuple):
        first, second = value
        below = f"<small>{escape(str(second))}</small>" if second else ""
        return escape(str(first)) + below
    return escape(str(value))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that scrolls inside its own box; the first cell of a row names it."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{cell(row[0])}</th>'
        + "".join(f"<td>{cell(value)}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    label = escape(caption)
    return (
        f'<div class="table-wrapper" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<caption>{label}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
    )


def items(lines: Iterable[str]) -> str:
    """Return a list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def answer(lines: Iterable[tuple[str, str, str]]) -> str:
    """Return what a reader came for: each line's middle part stands out."""
    return "".join(
        f'<p class="answer">{escape(before)}<strong>{escape(what)}</strong>{escape(after)}</p>'
        for before, what, after in lines
    )


def code(text: str) -> str:
    """Return lines to run."""
    return f"<pre><code>{escape(text)}</code></pre>"


def attachment(name: str, content: str, words: str) -> str:
    """Return a link by which a browser saves a file that the page itself holds."""
    data = base64.b64encode(content.encode()).decode()
    return (
        f'<p><a download="{escape(name)}" href="data:application/json;base64,{data}">'
        f"{escape(name)}</a> {escape(words)}</p>"
    )


def pictures(shown: Iterable[str]) -> str:
    """Return pictures beside each other where there is room."""
    return f'<div class="pictures">{"".join(shown)}</div>'


def picture(axes: Any, name: str, words: str, caption: str) -> str:
    """Return a picture as inline SVG whose ids no other picture has; `words` say what it shows.

    The same picture gives the same text.
    """
    from matplotlib import rc_context

    for marks in (*axes.lines, *axes.collections):
        many = marks.get_offsets() if hasattr(marks, "get_offsets") else marks.get_xdata()
        marks.set_rasterized(len(many) > _MOST_MARKS)
    out = StringIO()
    with rc_context({"svg.hashsalt": name}):
        axes.figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", out.getvalue(), flags=re.S)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    title = f'<title id="{name}-title">{escape(words)}</title>'
    svg = re.sub(
        r"<svg ([^>]*)>", rf'<svg role="img" aria-labelledby="{name}-title" \1>', svg, count=1
    )
    svg = svg.replace(">", f">{title}", 1)
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def page(title: str, lead: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return the whole page: a title, what comes first, and sections of a heading and HTML."""
    body = "".join(f"<section><h2>{escape(head)}</h2>{text}</section>" for head, text in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>\n"
        f"<body><article><h1>{escape(title)}</h1>{lead}{body}</article></body></html>\n"
    )
