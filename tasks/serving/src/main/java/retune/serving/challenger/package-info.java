/** Traffic for a challenger: shadow scoring, the canary's share, and when to stop. */
@NullMarked
package retune.serving.challenger;

import org.jspecify.annotations.NullMarked;
