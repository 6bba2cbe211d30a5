"""Dashboards as code, and what Grafana is provisioned with."""
