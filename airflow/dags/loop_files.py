"""Says what is wrong in the loop files, as one import error of Airflow's.

The DAG files leave such loops out, so that a mistake in one loop file does not stop the others.
"""

from retune.loops import LoopFileError, read

if mistakes := read().mistakes:
    raise LoopFileError("\n".join(mistakes))
