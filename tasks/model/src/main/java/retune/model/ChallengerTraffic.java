package retune.model;

import java.util.Locale;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * The traffic that a version gets beside the champion.
 *
 * @param number counts the traffic of a model's challengers, from 1; another share is another
 *     number
 * @param modelId the challenger
 * @param fraction share of the requests that it answers; 0 in shadow
 * @param startedAt ISO 8601 UTC
 * @param by who started it
 * @param reason why, without a full stop
 * @param task the task that started it, {@link retune.runtime.RunIdentity#eventKey}
 */
public record ChallengerTraffic(
    long number,
    String modelId,
    Mode mode,
    double fraction,
    String startedAt,
    String by,
    String reason,
    String task) {
  /** The largest share of a canary: pairs of answers come from the requests that it leaves. */
  public static final double MOST = 0.5;

  /** The share of a canary whose share nobody gave. */
  public static final double USUAL = 0.1;

  /** What a challenger does with requests. */
  public enum Mode {
    /** It scores each request after the champion has answered it. */
    SHADOW,
    /** It answers a share of the requests, and scores the others after their answers. */
    CANARY;

    /** The name in documents and results: {@code shadow}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The mode that a share means.
   *
   * @throws InvalidInputException if it is negative or more than {@link #MOST}
   */
  public static Mode mode(double fraction) {
    if (!(fraction >= 0 && fraction <= MOST)) {
      throw new InvalidInputException(
          "The fraction %s is not between 0 (shadow) and %s: the version in production answers the other requests, and pairs of answers come from these."
              .formatted(fraction, MOST));
    }
    return fraction == 0 ? Mode.SHADOW : Mode.CANARY;
  }

  /** What it does, in words: {@code answers 10 % of the requests}. */
  public String share() {
    return switch (mode) {
      case SHADOW -> "scores each request after its answer";
      case CANARY -> "answers %s of the requests".formatted(percent(fraction));
    };
  }

  private static String percent(double fraction) {
    String digits = String.format(Locale.ROOT, "%.2f", 100 * fraction);
    return digits.replaceFirst("\\.?0+$", "") + " %";
  }

  /** As the pointer and events have it. */
  public Document toDocument() {
    return new Document("number", number)
        .append("model_id", modelId)
        .append("mode", mode.id())
        .append("fraction", fraction)
        .append("started_at", startedAt)
        .append("by", by)
        .append("reason", reason)
        .append("task", task);
  }

  static @Nullable ChallengerTraffic of(@Nullable Document document) {
    return document == null
        ? null
        : new ChallengerTraffic(
            document.get("number", Number.class).longValue(),
            document.getString("model_id"),
            Mode.valueOf(document.getString("mode").toUpperCase(Locale.ROOT)),
            document.get("fraction", Number.class).doubleValue(),
            document.getString("started_at"),
            document.getString("by"),
            document.getString("reason"),
            document.getString("task"));
  }
}
