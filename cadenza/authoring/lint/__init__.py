"""What `cadenza lint` says of a cadence beside what the language forbids: one rule, one file."""
