/** Model versions: architecture, weights, file form, registry, production pointer. */
@NullMarked
package retune.model;

import org.jspecify.annotations.NullMarked;
