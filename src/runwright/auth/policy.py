"""Auth: what a role may do. Each role includes those before it."""

from __future__ import annotations

from runwright.errors import Forbidden
from runwright.model import Actor, Role

RANKS = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


def allows(actor: Actor, role: Role) -> bool:
    """Whether the actor has at least this role."""
    return RANKS[actor.role] >= RANKS[role]


def require(actor: Actor, role: Role) -> None:
    """Raise Forbidden unless the actor has at least this role."""
    if not allows(actor, role):
        raise Forbidden(f"{actor.name} is {actor.role}, and this needs {role}")
