/** Our side of the benchmarks. */
@NullMarked
package retune.bench;

import org.jspecify.annotations.NullMarked;
