"""The JSON Schema of cadence files, for editors that complete and check while one writes."""

from cadenza.authoring.schema.document import json_schema, schema_text

__all__ = ["json_schema", "schema_text"]
