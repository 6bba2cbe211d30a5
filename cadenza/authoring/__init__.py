"""What the author of a cadence looks at before it runs: faults, pictures, previews, differences."""
