"""The cadence language: YAML files and Liquid templates, compiled into a `Cadence`."""
