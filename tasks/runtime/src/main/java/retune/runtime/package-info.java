/** How a step runs: contract, input, XCom, exit codes, logs, settings. */
@NullMarked
package retune.runtime;

import org.jspecify.annotations.NullMarked;
