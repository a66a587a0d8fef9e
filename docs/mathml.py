"""Formulas as MathML: a page asks no server for a script or a font, and formulas can be searched.

Browsers do not break a `<math>` element over lines, so a formula in a sentence becomes one element
up to each relation, sum or comma, and a line may end there, as in TeX. Displayed formulas scroll in
their own box on narrow screens.
"""

import re
from html import escape
from xml.etree import ElementTree

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging

RELATIONS = set("=≠<>≤≥≪≫≈≡∝∼→←↦∈⊂⊕")
SIGNS = set("+−")
BREAK_AFTER = RELATIONS | SIGNS | set(",;")

translator = LatexToMathML(fancy_error=False)


def is_sign_of_a_term(before):
    """A minus after nothing, an opening bracket or an operator belongs to the term after it."""
    return before is None or (before.tag == "mo" and before.text not in ")]}⌋‖|!")


def pieces(row):
    """Cut a row of elements after the operators where a line may end."""
    piece, before = [], None
    for child in row:
        piece.append(child)
        operator = child.text if child.tag == "mo" else None
        if operator in BREAK_AFTER and not (operator in SIGNS and is_sign_of_a_term(before)):
            child.set("form", "infix")  # as the last of its element it would count as a postfix
            yield piece
            piece = []
        before = child
    if piece:
        yield piece


def inline(node):
    formula = translator.convert_with_local_state(node.astext(), displaystyle=False)
    formula = formula.replace("&ApplyFunction;", "\u2061")  # an entity of HTML, not of XML
    parts = []
    for piece in pieces(ElementTree.fromstring(formula)):
        part = ElementTree.Element("math")
        part.extend(piece)
        parts.append(ElementTree.tostring(part, encoding="unicode", short_empty_elements=False))
    parts[0] = escape(node.get("before", "")) + parts[0]
    parts[-1] += escape(node.get("after", ""))
    return "<wbr>".join(f'<span class="formula">{part}</span>' for part in parts)


def display(node):
    formula = translator.convert_with_local_state(node.astext(), displaystyle=True)
    return f'<div class="math" tabindex="0">{formula}</div>'


BEFORE = re.compile(r"[(\[]+$")
AFTER = re.compile(r"[^\w\s]\S{0,12}")


def keep_punctuation(app, doctree):
    """The bracket before a formula and the comma or "-th" after it stay on its line."""
    for formula in doctree.findall(nodes.math):
        row, place = formula.parent, formula.parent.index(formula)
        sides = [("before", place - 1, BEFORE.search), ("after", place + 1, AFTER.match)]
        for name, beside, find in sides:
            text = row[beside] if 0 <= beside < len(row) else None
            found = isinstance(text, nodes.Text) and find(text)
            if found:
                formula[name] = found[0]
                row[beside] = nodes.Text(text[: found.start()] + text[found.end() :])


def visit(make):
    def visitor(self, node):
        try:
            self.body.append(make(node))
        except LatexError as error:
            logging.getLogger(__name__).warning("formula not understood: %s", error, location=node)
            self.body.append(f"<code>{escape(node.astext())}</code>")
        raise nodes.SkipNode

    return visitor


def setup(app):
    app.add_html_math_renderer("mathml", (visit(inline), None), (visit(display), None))
    app.connect("doctree-read", keep_punctuation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
