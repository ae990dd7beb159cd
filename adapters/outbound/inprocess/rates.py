"""Rates of the one process that asks: each process counts for itself."""

from collections import OrderedDict

from ports.rates import Policy, Taken
from shared.clock import Ticks

MOST_KEYS = 100_000
_SECOND = 1_000_000


class InProcessRates:
    """Implements ports.rates.Rates. Of a key only the time is kept at which all its units are back.

    That time is in microseconds times the quota: a unit comes back after the window's microseconds of it, and whole
    numbers are exact. Under each policy `most_keys` are kept: some tens of megabytes, if as many ever come.
    """

    def __init__(self, ticks: Ticks, *, most_keys: int = MOST_KEYS) -> None:
        self._ticks = ticks
        self._most_keys = most_keys
        self._whole_at: dict[str, OrderedDict[str, int]] = {}

    async def take(self, policy: Policy, key: str, cost: int = 1) -> Taken:
        """Decides without waiting for anything, so nobody comes between."""
        if not 1 <= cost <= policy.quota:
            raise ValueError(f"{cost} units of {policy.quota}")
        now, unit = self._ticks() * policy.quota, policy.window_seconds * _SECOND
        keys = self._keys(policy, key, now)
        before = max(keys[key] - now, 0)
        excess = before + (cost - policy.quota) * unit
        taken = before if excess > 0 else before + cost * unit
        keys[key] = now + taken
        return Taken(
            policy=policy,
            allowed=excess <= 0,
            remaining=policy.quota - -(-taken // unit),
            reset_seconds=taken / policy.quota / _SECOND,
            retry_seconds=max(excess, 0) / policy.quota / _SECOND,
        )

    def _keys(self, policy: Policy, key: str, now: int) -> "OrderedDict[str, int]":
        """The keys under a policy, this one among them as the latest; makes room for one that is new."""
        keys = self._whole_at.setdefault(policy.name, OrderedDict())
        if key in keys:
            keys.move_to_end(key)
            return keys
        # Whoever has all units back is as good as unknown. Two go for one that comes, so that they get fewer again.
        for _ in range(2):
            if keys and (keys[next(iter(keys))] <= now or len(keys) >= self._most_keys):
                keys.popitem(last=False)
        keys[key] = now
        return keys
