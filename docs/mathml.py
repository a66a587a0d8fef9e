"""Formulas as MathML: a page asks no server for a script or a font, and formulas can be searched.

Browsers do not break a `<math>` element over lines, so a formula in a sentence becomes one element
up to each relation, sum or comma, and a line may end there, as in TeX. Displayed formulas scroll in
their own box on narrow screens.
"""

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


def inline(tex):
    formula = translator.convert_with_local_state(tex, displaystyle=False)
    formula = formula.replace("&ApplyFunction;", "\u2061")  # an entity of HTML, not of XML
    parts = []
    for piece in pieces(ElementTree.fromstring(formula)):
        part = ElementTree.Element("math")
        part.extend(piece)
        parts.append(ElementTree.tostring(part, encoding="unicode", short_empty_elements=False))
    joiner = "\u2060"  # no line starts with the comma that follows
    return f'<span class="math">{"<wbr>".join(parts)}</span>{joiner}'


def display(tex):
    formula = translator.convert_with_local_state(tex, displaystyle=True)
    return f'<div class="math" tabindex="0">{formula}</div>'


def visit(make):
    def visitor(self, node):
        try:
            self.body.append(make(node.astext()))
        except LatexError as error:
            logging.getLogger(__name__).warning("formula not understood: %s", error, location=node)
            self.body.append(f"<code>{escape(node.astext())}</code>")
        raise nodes.SkipNode

    return visitor


def setup(app):
    app.add_html_math_renderer("mathml", (visit(inline), None), (visit(display), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
