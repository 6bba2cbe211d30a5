"""The step types, one file each; found by `cadenza.registry`."""
