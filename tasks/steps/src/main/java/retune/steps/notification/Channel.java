package retune.steps.notification;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import retune.runtime.Settings;

/** One way to people. */
sealed interface Channel permits Webhook, PagerDuty, Email {
  /** How long a channel may take for each of connecting and answering. */
  Duration PATIENCE = Duration.ofSeconds(10);

  /** Whether this is the channel for it. */
  default boolean takes(Notification notification) {
    return true;
  }

  /** Returns when the other side has accepted the notification. */
  void deliver(Notification notification) throws DeliveryException;

  /**
   * The channels by name, in the order they are tried; those without an address are absent from
   * their own entry.
   */
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
