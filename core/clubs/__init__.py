"""Clubs, members, agreements, visits and the policy that decides who may visit: pure decisions that return facts."""
