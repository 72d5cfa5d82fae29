"""`make demo`: takes the example's loop through three days in a real Airflow."""
