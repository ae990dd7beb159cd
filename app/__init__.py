"""Use cases and workers: they read load, decide, save, emit, over ports alone."""
