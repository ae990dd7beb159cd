"""Measurements: ratios, each against a control in the same run, and figures. Nothing here is part of a wheel."""
