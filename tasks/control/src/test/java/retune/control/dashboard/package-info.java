@NullMarked
package retune.control.dashboard;

import org.jspecify.annotations.NullMarked;
