"""Units in the headings of columns: tokens (B), params [10^6], compute (PF-days), loss (bits).

What is not understood is never taken for 1 in silence: a short word or a number behind a name is
a unit, a longer word a description.
"""

from __future__ import annotations

import re

_THOUSANDS = {
    1e3: ("k", "kilo", "thousand"),
    1e6: ("m", "mn", "mln", "mil", "mio", "mega", "million"),
    1e9: ("b", "bn", "bln", "bil", "bio", "g", "giga", "billion"),
    1e12: ("t", "tn", "trn", "tera", "trillion"),
}
MULTIPLES = {word: factor for factor, words in _THOUSANDS.items() for word in words}
_SI = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}
_SI |= {"kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12, "peta": 1e15, "exa": 1e18}
_SI |= {"zetta": 1e21, "yotta": 1e24}
_PREFIXES = "|".join(sorted(_SI, key=len, reverse=True))
_FLOP_DAYS = re.compile(rf"\b({_PREFIXES})[\s-]?f(?:lops?)?(?:/s|ps)?[\s-]*days?\b")
_FLOPS = re.compile(rf"\b({_PREFIXES})[\s-]?flops?\b")
_POWER = re.compile(r"(?<![\w.])(?:1e|10\s*(?:\^|\*\*)\s*\{?)\+?(\d{1,2})\}?(?!\w)")
_COUNTED = re.compile(r"(k|m|b|bn|g|t)(?:tok|token|param|parameter|sample)s?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SECONDS_A_DAY = 86400.0
# no units, though they are short
_DESCRIPTIONS = {"in", "of", "x", "×", "*", "#", "n", "d", "c", "u", "no", "non", "emb", "all"}
_DESCRIPTIONS |= {"tok", "toks", "flop", "flops", "val", "max", "sum", "tot", "per", "run", "the"}
_OTHER_UNITS = re.compile(
    r"\w*bytes?|hours?|days?|weeks?|years?|minutes?|seconds?|hundreds?|lakhs?|crores?|percent|dollars?"
)
_BITS = {"bit", "bits", "bpb", "bpt", "bpc", "bpw", "log2"}
_NATS = {"nat", "nats"}
_NO_LOSS = {"%", "ppl", "perplexity", "log10", "db", "mnats", "millinats", "mbits", "millibits"}


def factor_of(unit: str, of_compute: bool = False) -> float | None:
    """Return what one of a count or of FLOPs counts for by the unit in its heading, in lower case:
    1 where it is a description, None where it is not understood.
    """
    unit = re.sub(r"10\s*([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"10^\1", unit).translate(_SUPERSCRIPTS)
    factors: list[float] = []

    def taken(pattern: re.Pattern[str], factor_in: dict[str, float] | None, times: float) -> None:
        nonlocal unit
        for found in pattern.findall(unit):
            factors.append(times * (float(f"1e{found}") if factor_in is None else factor_in[found]))
        unit = pattern.sub(" ", unit)

    if of_compute:
        taken(_FLOP_DAYS, _SI, _SECONDS_A_DAY)
        taken(_FLOPS, _SI, 1.0)
    taken(_POWER, None, 1.0)
    for word in filter(None, re.split(r"[\s,;/_.()-]+", unit)):
        counted = _COUNTED.fullmatch(word)
        multiple = counted.group(1) if counted else word if word in MULTIPLES else word[:-1]
        if multiple in MULTIPLES and (counted or word == multiple or word[-1] == "s"):
            factors.append(MULTIPLES[multiple])
        elif word not in _DESCRIPTIONS and (
            len(word) < 4 or not word.isalpha() or _OTHER_UNITS.fullmatch(word)
        ):
            return None
    return factors[0] if len(factors) == 1 else None if factors else 1.0


def loss_unit_of(name: str, unit: str) -> str | None:
    """Return "nats" or "bits" where a loss's name (words joined by underscores) or the unit behind
    it says so, "" where neither does, None where it is no unit of a loss.
    """
    words = {*re.split(r"[\s,;/_.()-]+", unit), *name.split("_")}
    if words & _NO_LOSS:
        return None
    if words & _BITS or re.search(r"\bbase\s*2\b", unit):
        return "bits"
    return "nats" if words & _NATS else ""
