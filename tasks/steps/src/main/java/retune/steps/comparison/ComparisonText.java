package retune.steps.comparison;

import java.util.Formatter;
import java.util.Locale;
import java.util.Map;
import retune.core.judgement.ComparisonReport;

/** The published text of a comparison. */
final class ComparisonText {
  private static final String RULE = "=".repeat(80);

  private ComparisonText() {}

  static String of(CompareModels.Output output) {
    Map<String, Double> primary =
        output.improvements().getOrDefault(output.primaryMetric(), Map.of());
    Formatter text = new Formatter(Locale.ROOT);
    text.format("%s\nMODEL COMPARISON RESULTS\n%s\n\n", RULE, RULE);
    text.format("Primary Metric: %s\n", output.primaryMetric().toUpperCase(Locale.ROOT));
    text.format("Baseline: %.4f\n", primary.get("baseline"));
    text.format("New:      %.4f\n", primary.get("new"));
    text.format("Improvement: %.4f", output.primaryImprovement());
    addPercent(text, "", primary);
    text.format("\n\nAll Metrics:\n");
    output
        .improvements()
        .forEach(
            (name, values) -> {
              text.format("  %-12s: %.4f → %.4f", name, values.get("baseline"), values.get("new"));
              addPercent(text, "+", values);
              text.format("\n");
            });
    text.format("\nDecision Factors:\n");
    text.format("  Meets threshold:          %s\n", word(output.meetsThreshold()));
    text.format("  Statistically significant: %s\n", word(output.statisticallySignificant()));
    text.format(
        "  %s interval of the improvement: %.4f to %.4f, on %,d rows\n",
        ComparisonReport.percent(1 - output.alpha()),
        primary.get("low"),
        primary.get("high"),
        output.rows());
    text.format("\n%s\n", RULE);
    text.format("PROMOTION DECISION: %s\n", output.shouldPromote() ? "PROMOTE" : "KEEP");
    text.format("Reason: %s\n%s\n", output.promotionReason(), RULE);
    return text.toString();
  }

  private static void addPercent(Formatter text, String sign, Map<String, Double> values) {
    Double percent = values.get("percent_improvement");
    if (percent != null) {
      text.format(" (%s%.2f%%)", percent < 0 ? "" : sign, percent);
    }
  }

  private static String word(boolean truth) {
    return truth ? "True" : "False";
  }
}
