"""The lint rules, one file each; found by `cadenza.registry`."""
