/** Builds Retune's images with Jib: one per step, the document store and the XCom sidecar. */
@NullMarked
package retune.images;

import org.jspecify.annotations.NullMarked;
