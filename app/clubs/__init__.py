"""The clubs module: clubs, their members, the agreements between them, and visits."""
