package retune.steps.notification;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import retune.runtime.Settings;

/** A way to reach people. */
sealed interface Channel permits Webhook, PagerDuty, Email {
  /** Deadline of a whole delivery: connecting, sending and waiting for the answer. */
  Duration DEADLINE = Duration.ofSeconds(10);

  /** Whether this channel is meant for the notification. */
  default boolean takes(Notification notification) {
    return true;
  }

  /**
   * Sends the notification and returns once the other side has accepted it. The caller enforces the
   * deadline by interrupting the thread.
   */
  void deliver(Notification notification) throws DeliveryException;

  /** The channels by name; a channel without an address has an empty value. */
  static Map<String, Optional<Channel>> of(Settings settings) {
    Map<String, Optional<Channel>> channels = new LinkedHashMap<>();
    channels.put("webhook", settings.secret("RETUNE_SLACK_WEBHOOK_URL").map(Webhook::new));
    channels.put(
        "pagerduty",
        settings
            .secret("RETUNE_PAGERDUTY_ROUTING_KEY")
            .map(
                key ->
                    new PagerDuty(
                        settings.find("RETUNE_PAGERDUTY_URL").orElse(PagerDuty.PUBLIC_URL), key)));
    channels.put(
        "email",
        settings
            .secret("RETUNE_SMTP_URL")
            .map(
                server ->
                    new Email(
                        server,
                        settings.find("RETUNE_EMAIL_FROM").orElse(""),
                        settings.find("RETUNE_EMAIL_TO").orElse(""))));
    return channels;
  }
}
