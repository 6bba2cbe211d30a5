"""The long-running processes, each wired together from the other packages."""
