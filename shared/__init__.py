"""What every ring may lean on: errors, ids, time, canonical JSON, events and paging. Standard library only, no business noun."""
