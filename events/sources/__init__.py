"""One file per way in over HTTP. See `cadenza.abc.EventSource` and `docs/events/`."""
