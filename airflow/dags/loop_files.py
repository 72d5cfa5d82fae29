"""Reports the mistakes in loop files as an import error in Airflow.

The DAG files leave these loops out, so a mistake in one loop file does not stop the others.
"""

from retune.loops import LoopFileError, read

if mistakes := read().mistakes:
    raise LoopFileError("\n".join(mistakes))
