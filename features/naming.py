"""Whom an event can be of: a customer, a visitor who has not said who they are, or nobody.

The ``user_id`` of an event is one name for all three. A visitor's begins with ``anon:``; what may
not be traced to anybody has one of a few collective names, which begin with ``hidden:``.
"""

from __future__ import annotations

from typing import Final

VISITOR: Final = "anon:"
HIDDEN: Final = "hidden:"
_NO_CUSTOMER: Final = (VISITOR, HIDDEN)


def is_visitor(user_id: str) -> bool:
    """Whether a name is that of somebody who has not said who they are.

    Examples
    --------
    >>> is_visitor("anon:5f3c"), is_visitor("ada"), is_visitor("hidden:07")
    (True, False, False)
    """
    return user_id.startswith(VISITOR)


def is_customer(user_id: str) -> bool:
    """Whether a name is that of a customer.

    Examples
    --------
    >>> is_customer("ada"), is_customer("anon:5f3c"), is_customer("hidden:07")
    (True, False, False)
    """
    return not user_id.startswith(_NO_CUSTOMER)
