"""What can be wrong with an expression: stable codes, one sentence each, with the column.

Positions are offsets in the expression's own text; whoever holds the YAML adds file and line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

CODES = {
    "E301": "cannot be read as an expression",
    "E302": "longer than 500 characters",
    "E303": "nested too deep or too many parts",
    "E304": "number out of bounds",
    "E305": "None: leave the value out, or ask empty(x)",
    "E306": "numbers are written 12 or 12.5: no exponents, other bases, underscores",
    "E307": "no powers",
    "E308": "no bit operators",
    "E309": "no methods",
    "E310": "no subscripts",
    "E311": "no lambda",
    "E312": "no comprehensions or loops",
    "E313": "no f-strings",
    "E314": "no `is`: use == or empty(x)",
    "E315": "no assignment",
    "E316": "no steps or calls on the result of a call",
    "E317": "no aggregate inside an aggregate",
    "E318": "no arithmetic over sets",
    "E319": "more than 4 hops",
    "E320": "not part of the language",
    "E321": "no // or @",
    "E322": "not a name of the language",
    "E330": "unknown name",
    "E331": "unknown field",
    "E332": "unknown function",
    "E333": "wrong arguments",
    "E334": "not a reference",
    "E335": "unknown option",
    "E336": "an option and a field have this name",
    "E337": "unknown ledger, figure or dimension",
    "E338": "unknown kind of move",
    "E340": "types cannot be combined",
    "E341": "types cannot be compared",
    "E342": "a condition is needed",
    "E343": "result of another type",
    "E344": "a set where one value is needed",
    "E345": "one value where a set is needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionProblem:
    """One thing wrong with an expression. ``hint``: what would be right ("" = nothing to offer)."""

    code: str
    message: str
    hint: str = ""
    column: int = 0

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.message}{hint} [{self.code}]"


class ExpressionProblems(Exception):
    """The expression cannot be used."""

    def __init__(self, problems: Iterable[ExpressionProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ExpressionOverflow(ArithmeticError):
    """A result has more digits than are kept: 38 on the way, a 64-bit scaled integer when stored."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the closest known word, or ""."""
    close = get_close_matches(word, sorted(set(known)), n=1)
    return f"did you mean {close[0]}?" if close else ""
