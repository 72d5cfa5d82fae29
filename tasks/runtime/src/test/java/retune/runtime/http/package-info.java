@NullMarked
package retune.runtime.http;

import org.jspecify.annotations.NullMarked;
