/**
 * Evidence over days with one error rate for a model and a year: e-values of a day, which multiply
 * over days, and the e-detector that adds them up.
 */
@NullMarked
package retune.core.judgement.ledger;

import org.jspecify.annotations.NullMarked;
