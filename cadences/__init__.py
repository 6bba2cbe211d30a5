"""The shipped cadences: one YAML file each, with mail templates beside it."""
