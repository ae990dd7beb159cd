"""The audit's judgement: pure comparisons of stored rows, records, tiles and heads with each other."""
