package retune.steps.drift;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.drift.ComparedColumn.Property;
import retune.core.drift.DriftReport;
import retune.core.drift.DriftReport.Column;
import retune.core.drift.DriftReport.Measure;
import retune.core.drift.DriftReport.Share;
import retune.core.statistics.Interval;
import retune.runtime.Json;
import tools.jackson.databind.SerializationFeature;

/** A comparison in the published form. */
final class DriftDocument {
  static final String FEATURES = "features";
  static final String FEATURE_DRIFT = "feature_drift";

  static final String POSITIVE_RATE_CHANGE = "positive_rate_change";

  private static final String DETECTED = "drift_detected";

  private DriftDocument() {}

  /** The whole report. */
  static Map<String, Object> of(
      DriftReport report,
      OptionalDouble positiveRate,
      Map<String, Object> shift,
      List<String> findings,
      List<String> notCompared,
      DriftDays days,
      String timestamp) {
    Map<String, Object> features = new LinkedHashMap<>();
    report.worstFirst().forEach(column -> features.put(column.name(), feature(report, column)));
    Map<String, Object> drift = new LinkedHashMap<>();
    drift.put("total_features", report.features().size());
    drift.put("drifted_features", report.driftedFeatures());
    drift.put("drift_percentage", percentage(report));
    drift.put(FEATURES, features);
    Map<String, Object> document = new LinkedHashMap<>();
    document.put(LastDriftReport.DETECTED, report.isDrifted());
    document.put("baseline_samples", report.referenceRows());
    document.put("current_samples", report.currentRows());
    document.put("false_alarm_rate", report.rate());
    document.put("resamples", report.resamples());
    document.put(FEATURE_DRIFT, drift);
    document.put("prediction_drift", predictionDrift(report, positiveRate));
    Column labels = report.labels();
    document.put("label_drift", labels == null ? null : column(labels));
    document.put(LastDriftReport.SHIFT, shift);
    document.put("multivariate", measure("mmd_squared", report.joint()));
    Map<String, Object> repeated = measure("repeated_rows", report.repeated().measure());
    repeated.put("repeated_rows", report.repeated().current());
    repeated.put("baseline_repeated_rows", report.repeated().reference());
    document.put("duplicates", repeated);
    report.shares().stream()
        .filter(share -> share.property() == Property.REJECTED)
        .forEach(share -> document.put("rejected", share(share)));
    document.put("volume", days.volume());
    document.put("findings", findings);
    document.put("not_compared", notCompared);
    document.put("timestamp", timestamp);
    return document;
  }

  /** The report as indented text. */
  static String text(Map<String, Object> document) {
    return Json.MAPPER
            .writer()
            .with(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsString(document)
        + "\n";
  }

  /** Share of the features that have drifted, in percent. */
  static double percentage(DriftReport report) {
    return report.features().isEmpty()
        ? 0
        : 100.0 * report.driftedFeatures() / report.features().size();
  }

  /** The numbers of the worst drifted features. */
  static Map<String, Map<String, Double>> worst(DriftReport report, int most) {
    Map<String, Map<String, Double>> worst = new LinkedHashMap<>();
    report.worstFirst().stream()
        .filter(report::isDrifted)
        .limit(most)
        .forEach(
            column -> {
              Map<String, Double> numbers = new LinkedHashMap<>();
              numbers.put("psi", column.psi().value());
              numbers.put("threshold", column.psi().limit());
              numbers.put("js_divergence", column.jensenShannon().value());
              Measure ks = column.kolmogorovSmirnov();
              Measure wasserstein = column.wasserstein();
              if (ks != null && wasserstein != null) {
                numbers.put("ks_statistic", ks.value());
                numbers.put("p_value", column.kolmogorovPValue());
                numbers.put("wasserstein", wasserstein.value());
              }
              numbers.put("missing_rate", missing(report, column));
              worst.put(column.name(), numbers);
            });
    return worst;
  }

  /** The numbers of the drift of the champion's answers; empty if it gave none. */
  static Map<String, Double> predictions(DriftReport report, OptionalDouble positiveRate) {
    if (report.predictions().isEmpty()) {
      return Map.of();
    }
    Column probability = report.predictions().getFirst();
    Map<String, Double> numbers = new LinkedHashMap<>();
    numbers.put("psi", probability.psi().value());
    numbers.put("threshold", probability.psi().limit());
    positiveRate.ifPresent(change -> numbers.put(POSITIVE_RATE_CHANGE, change));
    return numbers;
  }

  private static @Nullable Map<String, Object> predictionDrift(
      DriftReport report, OptionalDouble positiveRate) {
    if (report.predictions().isEmpty()) {
      return null;
    }
    Map<String, Object> drift = column(report.predictions().getFirst());
    drift.put("answers", column(report.predictions().getLast()));
    positiveRate.ifPresent(change -> drift.put(POSITIVE_RATE_CHANGE, change));
    drift.put(DETECTED, report.predictions().stream().anyMatch(Column::isDrifted));
    return drift;
  }

  private static Map<String, Object> feature(DriftReport report, Column column) {
    Map<String, Object> fields = column(column);
    fields.put("missing_rate", missing(report, column));
    report
        .sharesOf(column.name())
        .forEach(share -> fields.put(name(share.property()), share(share)));
    fields.put(DETECTED, report.isDrifted(column));
    return fields;
  }

  private static String name(Property property) {
    return switch (property) {
      case MISSING -> "missing";
      case UNSEEN -> "unseen_category";
      case REJECTED -> "rejected";
    };
  }

  private static double missing(DriftReport report, Column column) {
    return report
        .sharesOf(column.name())
        .filter(share -> share.property() == Property.MISSING)
        .mapToDouble(Share::current)
        .sum();
  }

  private static Map<String, Object> column(Column column) {
    boolean isNumeric = column.kolmogorovSmirnov() != null;
    Map<String, Object> psi = measure("psi", column.psi());
    psi.put("threshold", column.psi().limit());
    psi.put("band", DriftReport.band(column.psi().value()));
    psi.put("expected_mean", isNumeric ? column.effect().reference() : null);
    psi.put("actual_mean", isNumeric ? column.effect().current() : null);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("feature", column.name());
    fields.put("psi", psi);
    Measure ks = column.kolmogorovSmirnov();
    if (ks != null) {
      Map<String, Object> test = measure("ks_statistic", ks);
      test.put("p_value", column.kolmogorovPValue());
      fields.put("ks_test", test);
    }
    fields.put("js", measure("js_divergence", column.jensenShannon()));
    Measure wasserstein = column.wasserstein();
    if (wasserstein != null) {
      fields.put("wasserstein", measure("distance", wasserstein));
    }
    Map<String, Object> effect = new LinkedHashMap<>();
    effect.put("what", column.effect().what());
    effect.put("baseline", column.effect().reference());
    effect.put("current", column.effect().current());
    effect.put("difference", column.effect().difference());
    put(effect, column.effect().interval());
    fields.put("effect", effect);
    fields.put(DETECTED, column.isDrifted());
    return fields;
  }

  private static Map<String, Object> share(Share share) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("baseline_rate", share.reference());
    fields.put("current_rate", share.current());
    put(fields, share.difference());
    fields.put("limit", share.measure().limit());
    fields.put("adjusted_p_value", share.measure().adjustedPValue());
    fields.put(DETECTED, share.measure().isDrifted());
    return fields;
  }

  private static Map<String, Object> measure(String name, Measure measure) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put(name, measure.value());
    fields.put("limit", measure.limit());
    fields.put("adjusted_p_value", measure.adjustedPValue());
    fields.put(DETECTED, measure.isDrifted());
    return fields;
  }

  private static void put(Map<String, Object> fields, Interval interval) {
    fields.put("low", interval.low());
    fields.put("high", interval.high());
    fields.put("confidence", interval.confidence());
  }

  /** The report as the store keeps it: features as a list, because names may contain dots. */
  static Map<String, Object> forStore(Map<String, Object> document) {
    Map<String, Object> stored = new LinkedHashMap<>(document);
    Map<String, Object> drift = new LinkedHashMap<>();
    if (document.get(FEATURE_DRIFT) instanceof Map<?, ?> features) {
      features.forEach(
          (name, value) ->
              drift.put(
                  String.valueOf(name),
                  value instanceof Map<?, ?> byName
                      ? Stream.of(byName.values().toArray()).toList()
                      : value));
    }
    stored.put(FEATURE_DRIFT, drift);
    return stored;
  }
}
