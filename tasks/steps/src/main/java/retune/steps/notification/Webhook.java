package retune.steps.notification;

import java.util.Map;
import java.util.stream.Collectors;

/**
 * An incoming webhook of Slack, or of anything that takes its shape: {@code {"text": "…"}}.
 *
 * @param url whoever knows it may post
 */
record Webhook(String url) implements Channel {
  @Override
  public void deliver(Notification notification) throws DeliveryException {
    JsonPost.send("RETUNE_SLACK_WEBHOOK_URL", url, Map.of("text", text(notification)));
  }

  private static String text(Notification notification) {
    String facts =
        notification.facts().entrySet().stream()
            .map(fact -> "\n• " + fact.getKey() + ": " + escape(fact.getValue()))
            .collect(Collectors.joining());
    return "*" + notification.severity() + "* " + escape(notification.message()) + facts;
  }

  /** Slack's three control characters. */
  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  /** Without the address. */
  @Override
  public String toString() {
    return "webhook";
  }
}
