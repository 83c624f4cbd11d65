"""What watches the processes: rules, alerts, dashboards."""
