"""The report of a fitted law: one HTML file without requests or scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from io import StringIO
from typing import Any

_CSS = """:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;
margin:auto;padding:1rem;background:#fff;color:#111;overflow-wrap:anywhere}
.box{overflow-x:auto}table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:left;
border-bottom:1px solid #888;white-space:nowrap}figure{margin:1rem 0;background:#fff;color:#111}
svg{max-width:100%;height:auto}@media(prefers-color-scheme:dark){body{background:#151515;
color:#eee}}"""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that scrolls inside its own box."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="box" tabindex="0"><table><tr>{head}</tr>{body}</table></div>'


def items(lines: Iterable[str]) -> str:
    """Return a list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def picture(axes: Any, name: str, alt: str) -> str:
    """Return a picture as inline SVG whose ids no other picture has."""
    out = StringIO()
    axes.figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", out.getvalue(), flags=re.S)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    label = f'<svg role="img" aria-label="{escape(alt)}" '
    svg = svg.replace("<svg ", label, 1)
    return f"<figure>{svg}<figcaption>{escape(alt)}</figcaption></figure>"


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """Return the whole page; sections are a heading and HTML."""
    body = "".join(f"<h2>{escape(head)}</h2>{text}" for head, text in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_CSS}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
