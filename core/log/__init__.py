"""The verifiable log in pure functions: trees and tiles, notes and checkpoints, records, disclosures, receipts."""
