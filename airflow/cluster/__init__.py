"""Tests of the loop on a Kubernetes cluster: the chart runs inside it, Airflow outside."""
