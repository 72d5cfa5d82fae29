package retune.steps.drift;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import retune.core.drift.ComparedColumn.Property;
import retune.core.drift.DriftReport;
import retune.core.drift.DriftReport.Column;
import retune.core.drift.DriftReport.Effect;
import retune.core.drift.DriftReport.Share;
import retune.report.Axis;

/** What of a comparison is beyond its limit, in sentences. */
final class DriftFindings {
  private static final int MOST_REASONS = 3;

  private DriftFindings() {}

  /**
   * The sentences: predictions and labels, the features from the worst on, then the whole rows.
   *
   * @param rejected rows of the batch that were left out, by rule.column
   */
  static List<String> of(DriftReport report, Map<String, Integer> rejected) {
    List<String> findings = new ArrayList<>();
    report.predictions().stream()
        .filter(Column::isDrifted)
        .forEach(column -> findings.add("The champion's " + column(column)));
    Column labels = report.labels();
    if (labels != null && labels.isDrifted()) {
      findings.add("The label " + column(labels));
    }
    for (Column feature : report.worstFirst()) {
      if (feature.isDrifted()) {
        findings.add(column(feature));
      }
      report
          .sharesOf(feature.name())
          .filter(share -> share.measure().isDrifted())
          .forEach(share -> findings.add(share(share, rejected)));
    }
    report.shares().stream()
        .filter(share -> share.measure().isDrifted())
        .map(share -> share(share, rejected))
        .filter(sentence -> !findings.contains(sentence))
        .forEach(findings::add);
    if (report.repeated().measure().isDrifted()) {
      findings.add(
          "%,d of %,d rows repeat an earlier row; in the reference, %,d of %,d do."
              .formatted(
                  report.repeated().current(),
                  report.currentRows(),
                  report.repeated().reference(),
                  report.referenceRows()));
    }
    if (report.joint().isDrifted()) {
      boolean alone = findings.isEmpty();
      findings.add(
          "All columns together differ from the reference%s."
              .formatted(alone ? ", though none does alone: their relations have changed" : ""));
    }
    return findings;
  }

  /** The first of the findings, and how many follow. */
  static String inShort(List<String> findings) {
    return switch (findings.size()) {
      case 0 -> "Nothing differs from the reference by more than chance may.";
      case 1 -> findings.getFirst();
      case 2 -> findings.getFirst() + " One more finding is in the report.";
      default ->
          "%s %d more findings are in the report."
              .formatted(findings.getFirst(), findings.size() - 1);
    };
  }

  private static String column(Column column) {
    Effect effect = column.effect();
    String change =
        effect.what().equals("mean")
            ? "mean %s instead of %s"
                .formatted(number(effect.current()), number(effect.reference()))
            : "share of '%s' %s instead of %s"
                .formatted(effect.what(), percent(effect.current()), percent(effect.reference()));
    return "%s: %s; PSI %.4f (%s), limit %.4f."
        .formatted(
            column.name(),
            change,
            column.psi().value(),
            DriftReport.band(column.psi().value()),
            column.psi().limit());
  }

  private static String share(Share share, Map<String, Integer> rejected) {
    return "%s%s: %s of rows instead of %s%s."
        .formatted(
            share.column().isEmpty() ? "" : share.column() + ", ",
            share.property().words(),
            percent(share.current()),
            percent(share.reference()),
            share.property() == Property.REJECTED ? mostOf(rejected) : "");
  }

  /** What most rows were left out for: {@code ; wrong_type.amount: 120}. */
  private static String mostOf(Map<String, Integer> rejected) {
    return rejected.entrySet().stream()
        .sorted(
            Map.Entry.<String, Integer>comparingByValue()
                .reversed()
                .thenComparing(Map.Entry.comparingByKey()))
        .limit(MOST_REASONS)
        .map(reason -> "; %s: %,d".formatted(reason.getKey(), reason.getValue()))
        .collect(Collectors.joining());
  }

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * share);
  }

  static String number(double value) {
    return Axis.label(value);
  }
}
