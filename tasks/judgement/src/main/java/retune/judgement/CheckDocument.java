package retune.judgement;

import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check;
import retune.core.judgement.Check.Answer;
import retune.core.statistics.Interval;

/** A check as documents have it. */
public final class CheckDocument {
  private CheckDocument() {}

  public static Document of(Check check) {
    Document document =
        new Document("name", check.name())
            .append("value", check.value())
            .append("limit", check.limit());
    Interval interval = check.interval();
    if (interval != null) {
      document
          .append("low", interval.low())
          .append("high", interval.high())
          .append("confidence", interval.confidence());
    }
    return document
        .append("answer", check.answer().id())
        .append("rows", check.rows())
        .append("more_rows", check.moreRows())
        .append("decisive", check.decisive())
        .append("sentence", check.sentence());
  }

  /** The check that the document of a verdict describes. */
  public static Check check(Document document) {
    return new Check(
        document.getString("name"),
        document.getDouble("value"),
        document.getDouble("limit"),
        interval(document),
        Answer.ofId(document.getString("answer")),
        document.getLong("rows"),
        document.getLong("more_rows"),
        document.getBoolean("decisive"),
        document.getString("sentence"));
  }

  private static @Nullable Interval interval(Document document) {
    return document.containsKey("low")
        ? new Interval(
            document.getDouble("low"), document.getDouble("high"), document.getDouble("confidence"))
        : null;
  }
}
