/**
 * When a model is trained again. {@link retune.core.triggers.TriggerRules} say what may start a
 * retraining, {@link retune.core.triggers.TriggerFacts} what is known, and {@link
 * retune.core.triggers.TriggerRules#decide} answers with a {@link retune.core.triggers.Decision}.
 */
@NullMarked
package retune.core.triggers;

import org.jspecify.annotations.NullMarked;
