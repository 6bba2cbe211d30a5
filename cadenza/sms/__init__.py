"""Text messages: how many segments they take."""
