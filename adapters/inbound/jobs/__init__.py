"""Jobs: what drives the application by the clock."""
