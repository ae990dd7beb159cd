"""The executable: settings, wiring, life of the process, commands. It may import every ring, and no ring imports it."""
