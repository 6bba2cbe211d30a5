"""Pictures of cadences: as a graph, as a calendar, and of the links between them."""
