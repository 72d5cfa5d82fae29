/**
 * The pages that people read: pure renderers, and the reading of the store that they show. Every
 * text is escaped where it becomes part of a page ({@link retune.control.dashboard.Markup}).
 */
@NullMarked
package retune.control.dashboard;

import org.jspecify.annotations.NullMarked;
