/** Steps of the deployment pipeline. */
@NullMarked
package retune.steps.deployment;

import org.jspecify.annotations.NullMarked;
