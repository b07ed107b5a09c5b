"""The ledgers: append-only moves, running balances that always equal their sum, and the cost of what moves.

Callers hand in plain ``MoveRequest``s; the ledgers know no document, workflow or template text.

* ``post(ctx, requests, *, at) -> Posted``: the last thing a transaction does. A refusal is a ``UserError``
  (``Conflict`` or ``Invalid``) and the caller's transaction must be rolled back.
* ``reverse(ctx, document, posting_sets, *, at) -> Posted``: counter-moves.
* ``balances``, ``on_hand``, ``moves``: what is there, now or as of a moment. ``close_period``, ``reopen``. ``check``.
* ``rebuild``: running rows anew from the moves; ``to_rebuild``: the ledgers whose definition changed that much.
"""

from runtime.ledgers.checking import check
from runtime.ledgers.months import close_period, closed_through, keep_months, reopen
from runtime.ledgers.posting import post, reverse
from runtime.ledgers.reading import BalanceRow, balances, moves, on_hand
from runtime.ledgers.rebuild import rebuild, to_rebuild
from runtime.ledgers.requests import Cost, DocumentKey, Move, MoveRequest, Posted, Problem, Short, Verb
from runtime.ledgers.tables import LedgerTables, ledger_tables

__all__ = [
    "BalanceRow",
    "Cost",
    "DocumentKey",
    "LedgerTables",
    "Move",
    "MoveRequest",
    "Posted",
    "Problem",
    "Short",
    "Verb",
    "balances",
    "check",
    "close_period",
    "closed_through",
    "keep_months",
    "ledger_tables",
    "moves",
    "on_hand",
    "post",
    "rebuild",
    "reopen",
    "reverse",
    "to_rebuild",
]
