package retune.steps.notification;

import java.util.Map;
import retune.steps.notification.Notification.Severity;

/**
 * PagerDuty's Events API v2. An event opens an incident and wakes somebody, so only critical
 * notifications go there; the dedup key makes a repeated one part of the same incident.
 */
record PagerDuty(String url, String routingKey) implements Channel {
  static final String PUBLIC_URL = "https://events.pagerduty.com/v2/enqueue";

  /** Longest summary that the API takes. */
  private static final int SUMMARY_LENGTH = 1024;

  /** Longest dedup key that the API takes. */
  private static final int DEDUP_KEY_LENGTH = 255;

  @Override
  public boolean takes(Notification notification) {
    return notification.severity() == Severity.CRITICAL;
  }

  @Override
  public void deliver(Notification notification) throws DeliveryException {
    Map<String, Object> payload =
        Map.of(
            "summary", first(SUMMARY_LENGTH, notification.message()),
            "source", "retune/" + notification.modelId(),
            "severity", notification.severity().id(),
            "timestamp", notification.timestamp().toString(),
            "custom_details", notification.facts());
    JsonPost.send(
        "RETUNE_PAGERDUTY_URL",
        url,
        Map.of(
            "routing_key",
            routingKey.strip(),
            "event_action",
            "trigger",
            "dedup_key",
            first(DEDUP_KEY_LENGTH, notification.id()),
            "payload",
            payload));
  }

  private static String first(int length, String text) {
    return text.substring(0, Math.min(length, text.length()));
  }

  /** Without the key. */
  @Override
  public String toString() {
    return "pagerduty";
  }
}
