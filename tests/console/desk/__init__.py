"""Tests of what people do with a running deployment: commands, imports, API, audit."""
