"""The loop on a real Kubernetes: the chart's installation in it, a real Airflow outside of it."""
