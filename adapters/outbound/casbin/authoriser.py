"""Who may do what, decided by Casbin over the roles and permissions that the modules' manifests declare."""

from collections.abc import Collection, Mapping
from threading import Lock

from casbin import FastEnforcer, FastModel

from ports.caller import Caller
from shared.errors import Forbidden

NETWORK, CLUB = "network", "club"

# Places of scope and permission in a policy line: by them the enforcer finds the few lines that can match.
_INDEX = (1, 2)
_MOST_REMEMBERED = 10_000


class _Policy:
    """The policy, which never changes, with what it has decided so far."""

    def __init__(
        self, model: str, roles: Mapping[str, Collection[str]], permissions: Collection[str], network: Collection[str]
    ) -> None:
        self.scopes = dict.fromkeys(permissions, CLUB) | dict.fromkeys(network, NETWORK)
        for role, granted in roles.items():
            if strangers := sorted(set(granted) - self.scopes.keys()):
                raise ValueError(f"role {role} is granted what no module declares: {', '.join(strangers)}")
        self._enforcer = FastEnforcer(_model(model), cache_key_order=_INDEX)
        lines = [[role, self.scopes[name], name] for role, granted in roles.items() for name in set(granted)]
        if not self._enforcer.add_policies(lines):
            raise ValueError("the policy was not taken")
        self._decided: dict[tuple[frozenset[str], str], bool] = {}
        self._lock = Lock()

    def grants(self, roles: frozenset[str], permission: str) -> bool:
        question = (roles, permission)
        decided = self._decided.get(question)
        return self._decide(question) if decided is None else decided

    def _decide(self, question: tuple[frozenset[str], str]) -> bool:
        roles, permission = question
        scope = self.scopes[permission]
        # The enforcer narrows its own policy while it decides, so that only one thread may ask it at a time.
        with self._lock:
            decision = any(self._enforcer.enforce(role, scope, permission) for role in roles)
            if len(self._decided) >= _MOST_REMEMBERED:
                self._decided.clear()
            self._decided[question] = decision
        return decision


class CasbinAllow:
    """Implements ports.authoriser.Allow.

    `model` is the text of Casbin's model; `permissions` are all that modules declare, `network` those of them that need
    no club, `roles` what each role is granted. ValueError for a role that is granted anything else.
    """

    def __init__(
        self,
        model: str,
        *,
        permissions: Collection[str],
        network: Collection[str],
        roles: Mapping[str, Collection[str]],
    ) -> None:
        self._policy = _Policy(model, roles, permissions, network)

    def __call__(self, caller: Caller, permission: str) -> None:
        """Raises Forbidden, or LookupError for a permission that no module declares: that is a defect."""
        policy = self._policy
        scope = policy.scopes.get(permission)
        if scope is None:
            raise LookupError(f"no module declares the permission {permission}")
        if (scope == CLUB and caller.club is None) or not policy.grants(caller.roles, permission):
            raise Forbidden(permission=permission)


def _model(text: str) -> FastModel:
    model = FastModel(_INDEX)
    model.load_model_from_text(text)
    return model
