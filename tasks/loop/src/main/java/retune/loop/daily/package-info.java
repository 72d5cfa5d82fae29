/** One day of a loop without Airflow: the loop file, the day's tasks, and running them in order. */
@NullMarked
package retune.loop.daily;

import org.jspecify.annotations.NullMarked;
