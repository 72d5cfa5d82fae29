/** Builds Retune's images by Jib: one for each step, the document store, the XCom side car. */
@NullMarked
package retune.images;

import org.jspecify.annotations.NullMarked;
