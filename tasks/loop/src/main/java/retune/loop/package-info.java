/** What takes several steps together: a new loop from a table, a day of a loop without Airflow. */
@NullMarked
package retune.loop;

import org.jspecify.annotations.NullMarked;
