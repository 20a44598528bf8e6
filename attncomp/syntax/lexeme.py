"""The unit that the lexer hands to the parser."""

from __future__ import annotations

from dataclasses import dataclass

from attncomp.diagnostics.core import Span


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token: `type` is the name of its terminal in the grammar, `first` whether it is the first of its line."""

    type: str
    text: str
    span: Span
    first: bool = False

    @property
    def is_end(self) -> bool:
        """Whether this is the end of the file."""
        return self.type == END


END = "$END"

CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
OPENERS = {closer: opener for opener, closer in CLOSERS.items()}
BRACKET_TEXT = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"}

# What begins a declaration of a file, and a statement of a body, other than a name. `fn` begins either.
DECLARATION_STARTS = frozenset({"BLOCK", "MODEL", "FROM", "FN"})
STATEMENT_STARTS = frozenset({"AXIS", "PARAM", "LAYER", "FOR", "RETURN", "FN", "FUSE"})
KEYWORDS = frozenset(
    {
        "AXIS",
        "PARAM",
        "LAYER",
        "FOR",
        "IN",
        "IS",
        "FN",
        "AS",
        "RETURN",
        "BLOCK",
        "MODEL",
        "FROM",
        "IMPORT",
        "IF",
        "THEN",
    }
    | {"ELSE", "AND", "OR", "NOT", "INF", "NONE", "TRUE", "FALSE"}
)

OPERAND_STARTS = frozenset({"NAME", "INT", "NUMBER", "STRING", "INF", "NONE", "TRUE", "FALSE", "DTYPE", "VBAR"})
OPERAND_ENDS = OPERAND_STARTS | frozenset(OPENERS)
