"""What Cadenza knows: the domain, pure planning, storage, settings and clock."""
