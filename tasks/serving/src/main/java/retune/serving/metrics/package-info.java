/** The metrics of the service, for Prometheus. */
@NullMarked
package retune.serving.metrics;

import org.jspecify.annotations.NullMarked;
