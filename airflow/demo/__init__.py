"""`make demo`: three days of the example's loop in a real Airflow, from nothing."""
