/** What steps keep in the document store: batches, blobs and events. */
@NullMarked
package retune.runtime.store;

import org.jspecify.annotations.NullMarked;
