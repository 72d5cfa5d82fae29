/**
 * Notifies people by webhook, PagerDuty and e-mail.
 *
 * <p>A {@link retune.steps.notification.Notification} is stored in the collection {@code
 * notifications} before it is sent, with one delivery for each configured channel. A channel that
 * is down does not fail the step: its delivery stays open, and the next notification sends it.
 */
@NullMarked
package retune.steps.notification;

import org.jspecify.annotations.NullMarked;
