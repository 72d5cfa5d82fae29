/**
 * HTTP for the services: a server with routes, answers, and errors as problems. {@link
 * retune.runtime.http.Route.Group} is how a service adds paths.
 */
@NullMarked
package retune.runtime.http;

import org.jspecify.annotations.NullMarked;
