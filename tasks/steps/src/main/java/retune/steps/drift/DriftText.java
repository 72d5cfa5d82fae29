package retune.steps.drift;

import java.util.Formatter;
import java.util.Locale;
import java.util.Map;

/** The published text of a comparison. */
final class DriftText {
  private static final String RULE = "=".repeat(80);

  private DriftText() {}

  static String of(DetectDrift.Output output) {
    Formatter text = new Formatter(Locale.ROOT);
    text.format("%s\nDRIFT DETECTION REPORT\n%s\n\n", RULE, RULE);
    text.format("Overall Drift Detected: %s\n", word(output.overallDriftDetected()));
    text.format("Baseline samples: %,d\n", output.baselineSamples());
    text.format("Current samples:  %,d\n", output.currentSamples());
    text.format(
        "False alarms:     %s of batches without drift, all columns together\n",
        DriftFindings.percent(output.falseAlarmRate()));
    text.format("\nFeature drift:\n");
    text.format("  Total features:   %d\n", output.totalFeatures());
    text.format("  Drifted features: %d\n", output.driftedFeatures());
    text.format("  Drift percentage: %.2f%%\n", output.driftPercentage());
    output
        .features()
        .forEach(
            (name, numbers) -> {
              text.format("\n  %s\n", name);
              add(text, "PSI", numbers, "psi", "limit", "threshold");
              add(text, "KS p-value", numbers, "p_value", "statistic", "ks_statistic");
              add(text, "JS divergence", numbers, "js_divergence", "", "");
              add(text, "Wasserstein", numbers, "wasserstein", "", "");
              add(text, "Missing rate", numbers, "missing_rate", "", "");
            });
    if (!output.predictionDrift().isEmpty()) {
      text.format("\nPrediction drift: %s\n", word(output.predictionDriftDetected()));
      add(text, "PSI", output.predictionDrift(), "psi", "limit", "threshold");
      Double change = output.predictionDrift().get(DriftDocument.POSITIVE_RATE_CHANGE);
      if (change != null) {
        text.format("    %-14s %+.4f\n", "Positive rate", change);
      }
    }
    text.format("\nShift: %s\n  %s\n", output.shift().replace('_', ' '), output.shiftReason());
    if (!output.findings().isEmpty()) {
      text.format("\nFindings:\n");
      output.findings().forEach(finding -> text.format("  - %s\n", finding));
    }
    if (!output.notCompared().isEmpty()) {
      text.format("\nNot compared:\n");
      output.notCompared().forEach(sentence -> text.format("  - %s\n", sentence));
    }
    return text.format("%s\n", RULE).toString();
  }

  private static void add(
      Formatter text,
      String label,
      Map<String, Double> numbers,
      String key,
      String besideLabel,
      String besideKey) {
    Double value = numbers.get(key);
    if (value == null) {
      return;
    }
    text.format("    %-14s %.4f", label, value);
    Double beside = numbers.get(besideKey);
    if (beside != null) {
      text.format(" (%s %.4f)", besideLabel, beside);
    }
    text.format("\n");
  }

  private static String word(boolean truth) {
    return truth ? "YES" : "NO";
  }
}
