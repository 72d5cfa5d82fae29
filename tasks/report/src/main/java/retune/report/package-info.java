/** Self-contained HTML pages, and the charts on them as SVG. */
@NullMarked
package retune.report;

import org.jspecify.annotations.NullMarked;
