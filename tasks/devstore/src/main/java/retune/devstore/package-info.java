/** The embedded document store: a MongoDB-compatible server that commits every write. */
@NullMarked
package retune.devstore;

import org.jspecify.annotations.NullMarked;
