/** The HTTP endpoints: the server, its router, and one class of routes for each concern. */
@NullMarked
package retune.serving.http;

import org.jspecify.annotations.NullMarked;
