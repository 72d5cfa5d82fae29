/** Tables from delimited text. */
@NullMarked
package retune.runtime.csv;

import org.jspecify.annotations.NullMarked;
