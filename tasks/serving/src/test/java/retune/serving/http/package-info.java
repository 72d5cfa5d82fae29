@NullMarked
package retune.serving.http;

import org.jspecify.annotations.NullMarked;
