"""What every ring may lean on: errors, ids, time, canonical JSON, events, paging. No business noun."""
