/**
 * Telling people: webhook, PagerDuty, e-mail.
 *
 * <p>A {@link retune.steps.notification.Notification} is kept in the collection {@code
 * notifications} before it is sent, with one delivery for each channel that is configured. A
 * channel that is down fails nothing: its delivery stays open and goes along with the next
 * notification that is sent.
 */
@NullMarked
package retune.steps.notification;

import org.jspecify.annotations.NullMarked;
