package retune.steps.audit;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bson.Document;
import org.jspecify.annotations.Nullable;

/** Facts of stored documents in words. */
final class Facts {
  private static final int SHORT_HASH = 12;

  private Facts() {}

  /** The run that wrote the document, with who started it and the code, as far as known. */
  static String run(Document document) {
    List<String> facts = new ArrayList<>();
    add(facts, "", document.getString("run_id"));
    add(facts, "task ", document.getString("task_id"));
    add(facts, "started by ", document.getString("started_by"));
    add(facts, "code ", document.getString("code_revision"));
    add(facts, "image ", document.getString("step_image"));
    return String.join(", ", facts);
  }

  /** A value as a cell; a number with a fraction has four decimals. */
  static String cell(@Nullable Object value) {
    return switch (value) {
      case null -> "-";
      case Double number ->
          String.format(Locale.ROOT, number == Math.rint(number) ? "%.0f" : "%.4f", number);
      case Number number -> String.format(Locale.ROOT, "%,d", number.longValue());
      default -> value.toString();
    };
  }

  /** A small number as people write it: 0.0003. */
  static String plain(@Nullable Object value) {
    return value instanceof Double number
        ? new BigDecimal(number).round(new MathContext(4)).stripTrailingZeros().toPlainString()
        : cell(value);
  }

  /** A share in percent. */
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", share * 100);
  }

  /** The first digits of a hash; other text as it is. */
  static String shortHash(@Nullable Object value) {
    String text = cell(value);
    return text.matches("[0-9a-f]{64}") ? text.substring(0, SHORT_HASH) : text;
  }

  private static void add(List<String> facts, String word, @Nullable String fact) {
    if (fact != null && !fact.isEmpty()) {
      facts.add(word + fact);
    }
  }
}
