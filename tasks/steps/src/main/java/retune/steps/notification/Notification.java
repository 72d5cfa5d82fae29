package retune.steps.notification;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.bson.Document;

/**
 * A message that people receive once.
 *
 * @param id names what happened, the same for every try of a step: {@code
 *     alert/credit-default/2026-11-05/run}
 * @param type what happened: {@code deployment_complete}
 * @param timestamp when it happened
 * @param message whole sentences for a person
 * @param details further facts by name, in the order they are shown in
 */
public record Notification(
    String id,
    String type,
    Severity severity,
    Instant timestamp,
    String modelId,
    String modelVersion,
    String message,
    Map<String, String> details) {

  /** Whether someone has to act. */
  public enum Severity {
    INFO,
    CRITICAL;

    /** The name in documents and messages: {@code critical}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** All facts by name, the model's among them. */
  Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("model_id", modelId);
    facts.put("model_version", modelVersion);
    facts.putAll(details);
    return facts;
  }

  Document toDocument() {
    return new Document("type", type)
        .append("severity", severity.id())
        .append("timestamp", timestamp.toString())
        .append("model_id", modelId)
        .append("model_version", modelVersion)
        .append("message", message)
        .append("details", new Document(new LinkedHashMap<>(details)));
  }

  static Notification ofDocument(Document document) {
    Map<String, String> details = new LinkedHashMap<>();
    document
        .get("details", Document.class)
        .forEach((name, value) -> details.put(name, String.valueOf(value)));
    return new Notification(
        document.getString("_id"),
        document.getString("type"),
        Severity.valueOf(document.getString("severity").toUpperCase(Locale.ROOT)),
        Instant.parse(document.getString("timestamp")),
        document.getString("model_id"),
        document.getString("model_version"),
        document.getString("message"),
        details);
  }
}
